"""Reports to Kubernetes and ECS whether the agent works: real HTTP against their documented requests and answers."""

import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.harness.serving import QuietHandler, serving
from tests.integration.agent.harness import AgentThread, Harness

TOKEN = "the-pods-token"
TASK_ARN = "arn:aws:ecs:us-east-1:123456789012:task/darkroom/0123456789abcdef"

#: As the endpoint of version 4 gives it, in part.
ECS_TASK = {
    "TaskARN": TASK_ARN,
    "KnownStatus": "RUNNING",
    "PullStartedAt": "2026-11-27T10:00:00.250000001Z",
    "PullStoppedAt": "2026-11-27T10:01:15.250000002Z",
    "Containers": [{"Name": "runtime", "CreatedAt": "2026-11-27T10:01:15.3Z", "StartedAt": "2026-11-27T10:01:16.4Z"}],
}


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ControlPlane:
    """Both APIs, as their documentation has them."""

    calls: list[Call] = field(default_factory=list)
    #: Answers given, one after the other, before any other.
    troubles: list[tuple[int, Any]] = field(default_factory=list)

    def answer(self, call: Call) -> tuple[int, Any]:
        if call.path == "/v4/0123-456/task" and call.method == "GET":
            return 200, ECS_TASK
        self.calls.append(call)
        if self.troubles:
            return self.troubles.pop(0)
        if call.path == "/api/v1/namespaces/darkroom/pods/sdruntime-abc" and call.method == "PATCH":
            return self._pod(call)
        if call.path == "/api/0123/task-protection/v1/state" and call.method == "PUT":
            enabled = call.body["ProtectionEnabled"]
            expiry = {"ExpirationDate": "2026-11-21T00:10:00Z"} if enabled else {}
            return 200, {"protection": {"ProtectionEnabled": enabled, "TaskArn": TASK_ARN} | expiry}
        return 404, {}

    def _pod(self, call: Call) -> tuple[int, Any]:
        if call.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"kind": "Status", "reason": "Unauthorized"}
        if call.headers["Content-Type"] != "application/merge-patch+json":
            return 415, {"kind": "Status", "reason": "UnsupportedMediaType"}
        return 200, {"kind": "Pod"}


@contextmanager
def serve(plane: ControlPlane, certificate: Path | None = None) -> Iterator[int]:
    """Serve the control plane on 127.0.0.1, over TLS if there is a certificate, and give the port."""

    class Handler(QuietHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            call = Call(self.command, self.path, dict(self.headers), json.loads(body) if body else None)
            status, value = plane.answer(call)
            content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_PATCH = _any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server.server_port


def write_certificate(directory: Path) -> Path:
    """Write a certificate of 127.0.0.1 that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.crt").write_bytes(pem)
    file = directory / "server.pem"
    file.write_bytes(pem + secret)
    return file


def deletion_costs(plane: ControlPlane) -> list[str]:
    annotation = "controller.kubernetes.io/pod-deletion-cost"
    return [call.body["metadata"]["annotations"][annotation] for call in plane.calls]


def test_kubernetes_knows_which_pods_work(harness: Harness, tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    plane = ControlPlane(troubles=[(503, {"kind": "Status"})])
    with serve(plane, certificate) as port:
        agent = harness.start_agent(
            ORCHESTRATOR="kubernetes",
            POD_NAME="sdruntime-abc",
            POD_NAMESPACE="darkroom",
            KUBERNETES_SERVICE_HOST="127.0.0.1",
            KUBERNETES_SERVICE_PORT=port,
            SERVICE_ACCOUNT_DIRECTORY=tmp_path,
        )
        harness.eventually(lambda: agent.logged("orchestrator_not_informed"), "the refusal")
        harness.eventually(lambda: deletion_costs(plane) == ["0", "0"], "the idle pod's cost")
        harness.submit("long", {"prompt": "long", "steps": 400})
        harness.eventually(lambda: deletion_costs(plane)[2:] == ["1000"], "the working pod's cost")
        assert not harness.read("long").is_final
        harness.wait_for("long", Status.COMPLETED)
        harness.eventually(lambda: deletion_costs(plane)[3:] == ["0"], "the idle pod's cost again")

        # The kubelet replaces the token.
        (tmp_path / "token").write_text("expired")
        harness.submit("refused", {"prompt": "refused", "steps": 1})
        harness.wait_for("refused", Status.COMPLETED)
    assert TOKEN not in agent.log_file.read_text()


def start_on_ecs(harness: Harness, port: int, *, ending_file: Path) -> AgentThread:
    return harness.start_agent(
        ORCHESTRATOR="ecs",
        ECS_AGENT_URI=f"http://127.0.0.1:{port}/api/0123",
        ECS_CONTAINER_METADATA_URI_V4=f"http://127.0.0.1:{port}/v4/0123-456",
        ENDING_FILE=ending_file,
    )


def test_ecs_protects_the_task_while_it_works(harness: Harness, tmp_path: Path) -> None:
    failure = {"failure": {"Arn": TASK_ARN, "Reason": "DEPLOYMENT_BLOCKED", "Detail": None}}
    plane = ControlPlane(troubles=[(200, failure)])
    with serve(plane) as port:
        agent = start_on_ecs(harness, port, ending_file=tmp_path / "ending")
        harness.eventually(lambda: agent.logged("orchestrator_not_informed"), "the failure")
        harness.submit("long", {"prompt": "long", "steps": 700})
        protect = {"ProtectionEnabled": True, "ExpiresInMinutes": 10}
        harness.eventually(lambda: plane.calls[-1].body == protect, "the protection")
        harness.wait_for("long", Status.COMPLETED)
        harness.eventually(lambda: plane.calls[-1].body == {"ProtectionEnabled": False}, "the end of the protection")
    assert agent.logged("replica_placed", pull_seconds=75.0)


def test_a_spot_notice_stops_the_agent_in_order(harness: Harness, tmp_path: Path) -> None:
    plane = ControlPlane()
    with serve(plane) as port:
        agent = start_on_ecs(harness, port, ending_file=tmp_path / "ending")
        harness.submit("running", {"prompt": "running", "steps": 800})
        harness.eventually(lambda: harness.webui.runs, "the generation")
        (tmp_path / "ending").touch()
        harness.eventually(lambda: agent.logged("capacity_ending"), "the notice")
        harness.submit("waiting")

        assert agent.exit_code(20) == ExitCode.STOPPED
    assert harness.read("running").status is Status.COMPLETED
    assert harness.read("waiting").status is Status.IN_QUEUE
