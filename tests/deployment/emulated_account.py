"""Emulated AWS account, and the CDK's command line against it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any, Final

import boto3
import httpx

from tests.harness.eventually import eventually

PROJECT: Final = Path(__file__).parents[2]
ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
#: Environment of the emulator, which `make deploy-local` installs.
EMULATOR_BIN: Final = PROJECT / ".venv" / "emulator" / "bin"
#: The emulator runs the functions with this machine's processor and its own Python, which is that of the tests.
TARGET: Final = (
    f"architecture={'arm64' if os.uname().machine in {'aarch64', 'arm64'} else 'x86_64'}",
    f"python={sys.version_info.major}.{sys.version_info.minor}",
)
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class EmulatedAccount:
    """A running emulator, whose calls are those of an administrator."""

    url: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def variables(self) -> dict[str, str]:
        """Return the variables that lead another program to the account."""
        region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        return {**CREDENTIALS, **region, "AWS_ENDPOINT_URL": self.url}

    def cdk(self, *arguments: str, fails: bool = False) -> str:
        """Run the CDK's command line as a user does, and return what it printed; `fails` if it must fail."""
        command = [str(PROJECT / ".venv" / "bin" / "cdk"), *arguments]
        for value in TARGET:
            command += ["--context", value]
        # Without the account of the person who runs this, but with the settings of package registries.
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        path = f"{PROJECT / '.venv' / 'bin'}:{os.environ['PATH']}"
        variables = {**own, "PATH": path, "NO_COLOR": "1", "CI": "1", **self.variables()}
        done = subprocess.run(command, cwd=PROJECT, env=variables, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        assert bool(done.returncode) == fails, f"cdk {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def outputs(self) -> dict[str, str]:
        """Return the outputs of all stacks."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for stack in stacks for item in stack.get("Outputs", ())}

    def enforce_permissions(self, *, enforced: bool) -> None:
        """Check every request against the policies of its role from now on, or allow everything."""
        self.process.send_signal(signal.SIGUSR1 if enforced else signal.SIGUSR2)


@contextmanager
def emulated_account(folder: Path, *, failing: Iterable[str] = ()) -> Iterator[EmulatedAccount]:
    """Start an empty account on 127.0.0.1, and end it with all its functions.

    The first resource of each type in `failing` cannot be created.
    """
    assert EMULATOR_BIN.is_dir(), "the emulator is not installed; `make deploy-local` installs it"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "PATH": f"{EMULATOR_BIN}:{os.defpath}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Otherwise it would listen for MQTT on all addresses.
        "IOT_MTLS_ENABLED": "0",
        "AWS_REGION": REGION,
        "FAIL_AT_FIRST": ",".join(failing),
        **CREDENTIALS,
    }
    with (folder / "emulator.log").open("wb") as log:
        # Its functions outlive the emulator's SIGTERM, so all of them form one process group that ends together.
        process = subprocess.Popen(
            [str(EMULATOR_BIN / "python"), str(Path(__file__).with_name("emulator.py"))],
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    account = EmulatedAccount(f"http://127.0.0.1:{port}", folder, process)
    try:
        eventually(lambda: _is_healthy(account), "the emulator's start", START_SECONDS)
        yield account
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _is_healthy(account: EmulatedAccount) -> bool:
    assert account.process.poll() is None, (account.folder / "emulator.log").read_text()
    try:
        return httpx.get(f"{account.url}/_ministack/health", timeout=60).is_success
    except httpx.TransportError:
        return False


def read_queue(account: EmulatedAccount, queue_url: str) -> list[dict[str, Any]]:
    """Receive and delete what a queue holds, as parsed JSON."""
    sqs = account.client("sqs")
    messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in messages]
