"""Every command of the documents: run as it is printed, or listed with the reason and checked without running it."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.harness.command_check import check_command
from tests.harness.documented_code import PROJECT, Block, blocks
from tests.harness.local_system import System
from tests.harness.model_files import safetensors_file

#: Programs that no block runs, and the reason.
LISTED: Final[Mapping[str, str]] = {
    "aws": "needs an AWS account",
    "cdk": "needs an AWS account",
    "kubectl": "needs a cluster",
    "make": "starts another system, or these tests; test_demo.py and test_up.py start the system as `make` does",
    "git": "changes the working tree",
    "pytest": "runs these tests",
    "mypy": "runs in `make test`",
    "python": "measures for minutes, or downloads the libraries of the functions",
}
#: Characters between two commands.
SEPARATORS: Final = ";&|()\n"
#: Option with which a command concerns a deployed environment.
DEPLOYED: Final = "--environment"
#: Command that reads the internet. tests/integration/cli runs it against a server of this machine.
IMPORT: Final = ["darkroom", "models", "import"]
#: What the output of a block holds when it went well, by a part of the block.
RESULTS: Final[Mapping[str, str]] = {
    "curl -sS -X DELETE": "task_finished",
    "by-requests": "by-requests-",
    "first-page": "page.html shows s3://",
    "by-boto3": "completed ['s3://",
    'runpod.Endpoint("sdruntime")': "COMPLETED 1",
    "a picture of": "a picture of",
    "client.save(task": "(64, 64)",
    "client.retry(task)": "again: FAILED",
    "made of an upload:": "made of an upload: COMPLETED",
    "client.cancel(late)": "CANCELLED",
    "task.is_final": "COMPLETED",
    "broken.field": "task.content.width",
    "webuiapi.WebUIApi": "Seed: 7",
    "OpenAI(base_url": "2 pictures: http",
    "streamable_http_client": "COMPLETED ['text', 'image', 'resource_link']",
    "b64_json": "b64_json",
    "sd-models": "safetensors",
    "wait=20000": "Euler a",
    "wait=120000": '"status": "COMPLETED"',
    "submit workflow.json": "COMPLETED",
    "inverted": "COMPLETED [",
    'runpod.Endpoint("comfyui")': "copy_00001_.png base64",
    "copy.png": "copy_00001_.png",
    "submit docs/examples/text-to-image.json": "test-t2i-",
    "models push": "photo-v2",
    "batch submit posters.jsonl": "COMPLETED",
    "watch_batch": "100%",
}


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without the variables before it."""
    text = re.sub(r"(^|\s)#.*$", "", block.text.replace("\\\n", " "), flags=re.M)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=SEPARATORS)
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if set(word) <= set(SEPARATORS):
            if words:
                yield words
            words = []
        elif words or not _is_assignment(word):
            words.append(word)


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def is_listed(words: list[str]) -> bool:
    """Return True if a command cannot run against the local system."""
    name = Path(words[0]).name
    if name in LISTED or words[: len(IMPORT)] == IMPORT:
        return True
    return name in {"darkroom", "eval"} and any(DEPLOYED in word for word in words)


def runs(block: Block) -> bool:
    """Return True if a block runs as it is printed."""
    return block.language == "python" or not any(is_listed(words) for words in commands(block))


RUN: Final = [block for block in blocks("bash", "python") if runs(block)]
CHECKED: Final = [block for block in blocks("bash") if not runs(block)]


@pytest.fixture(scope="session")
def large_picture() -> bytes:
    """Return a PNG that is too large for a request."""
    data = io.BytesIO()
    Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3)).save(data, "PNG", compress_level=0)
    assert len(data.getvalue()) > 6 * 1024 * 1024
    return data.getvalue()


@pytest.fixture
def terminal(system: System, tmp_path: Path, large_picture: bytes) -> Path:
    """Return a folder like a checkout in which `make up` runs, with the files that the documents name."""
    for name in ("docs", "environments", ".venv"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / ".local").symlink_to(system.state_directory)
    (tmp_path / "cat.png").write_bytes(large_picture)
    for name, tensor in {"photo-v2": "model.diffusion_model.x", "pastel": "lora_unet.lora_down.weight"}.items():
        (tmp_path / f"{name}.safetensors").write_bytes(safetensors_file(tensor))
    return tmp_path


@pytest.fixture
def _cleaned(system: System) -> Iterator[None]:
    """Delete the queue of an example, because it would collect the callbacks of all other tests."""
    yield
    sns, sqs = system.client("sns"), system.client("sqs")
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        if subscription["Endpoint"].endswith(":pictures"):
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    for url in sqs.list_queues(QueueNamePrefix="pictures").get("QueueUrls", ()):
        sqs.delete_queue(QueueUrl=url)


# One local system serves all end-to-end tests, so they run in one process.
@pytest.mark.xdist_group("local_system")
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.usefixtures("_cleaned")
@pytest.mark.parametrize("document", sorted({block.document for block in RUN}))
def test_the_commands_of_a_document_run_as_they_are_printed(terminal: Path, document: str) -> None:
    environment = {"PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}", "HOME": str(terminal)}
    environment |= {"NO_PROXY": "127.0.0.1", "EXPORTS": str(terminal / "exports")}
    (terminal / "exports").touch()
    for block in (block for block in RUN if block.document == document):
        # A terminal keeps its variables from one block to the next.
        keep = 'set -a; source "$EXPORTS"; trap \'export -p > "$EXPORTS"\' EXIT\n'
        code = block.text
        if block.language == "python":
            code = f"{shlex.quote(sys.executable)} - <<'END'\n{block.text}END\n"
        result = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", keep + code],
            cwd=terminal,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, f"{block}\n{result.stdout}\n{result.stderr}"
        for part, expected in RESULTS.items():
            assert part not in block.text or expected in result.stdout, f"{block}\n{result.stdout}"


# In one process, because each asks the CDK's command line for its options once.
@pytest.mark.xdist_group("listed_commands")
@pytest.mark.parametrize("block", CHECKED, ids=str)
def test_a_listed_command_exists_with_its_options(block: Block) -> None:
    for words in commands(block):
        check_command(words)
