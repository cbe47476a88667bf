"""Digests and hashes of a file of pins, from a registry and a download host on this machine."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from stacks.record_pins import main
from tests.harness.serving import QuietHandler, serving

DIGEST = f"sha256:{'d' * 64}"
WHEEL = b"a wheel"


@dataclass
class Hosts:
    """Registry that gives tokens for anonymous reading, and the host of one download."""

    port: int
    digests: dict[str, str] = field(default_factory=lambda: {"3.5.10": DIGEST, DIGEST: DIGEST})

    def image(self, reference: str = ":3.5.10") -> str:
        return f"127.0.0.1:{self.port}/aws/fluent-bit{reference}"

    @property
    def link(self) -> str:
        return f"http://127.0.0.1:{self.port}/a.whl"


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    class Handler(QuietHandler):
        def do_HEAD(self) -> None:
            reference = self.path.removeprefix("/v2/aws/fluent-bit/manifests/")
            if self.headers["Authorization"] != "Bearer for repository:aws/fluent-bit:pull":
                realm = f"http://127.0.0.1:{found.port}/token"
                self.send_response(401)
                self.send_header(
                    "WWW-Authenticate", f'Bearer realm="{realm}",service="s",scope="repository:aws/fluent-bit:pull"'
                )
            elif reference in found.digests and "oci.image.index" in self.headers["Accept"]:
                self.send_response(200)
                self.send_header("Docker-Content-Digest", found.digests[reference])
            else:
                self.send_response(404)
            self.end_headers()

        def do_GET(self) -> None:
            scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
            body = f'{{"token": "for {scope}"}}'.encode() if self.path.startswith("/token?") else WHEEL
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Hosts(server.server_port)
    with serving(server):
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "versions.env"


def test_what_is_missing_is_recorded_and_the_rest_stays(hosts: Hosts, file: Path) -> None:
    other = "UV_VERSION=1\nUV_SHA256=ab\n"
    image, link = hosts.image(), hosts.link
    missing = f"A_IMAGE={image}\nB_WHEEL={link}\nB_WHEEL_SHA256=\nC_URL={link}\nC_SHA256=\n"
    file.write_text(f"# a = 1\n\n{missing}{other}")

    assert main([str(file)]) == 0

    wheel = hashlib.sha256(WHEEL).hexdigest()
    recorded = f"A_IMAGE={image}@{DIGEST}\nB_WHEEL={link}\nB_WHEEL_SHA256={wheel}\nC_URL={link}\nC_SHA256={wheel}\n"
    assert file.read_text() == f"# a = 1\n\n{recorded}{other}"
    assert main(["--check", str(file)]) == 0


def test_a_moved_tag_keeps_its_recorded_digest(hosts: Hosts, file: Path) -> None:
    hosts.digests["3.5.10"] = f"sha256:{'e' * 64}"
    file.write_text(f"A_IMAGE={hosts.image(f':3.5.10@{DIGEST}')}\n")
    assert main(["--check", str(file)]) == 0


def test_a_check_finds_a_missing_pin_and_writes_nothing(
    hosts: Hosts, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"A_IMAGE={hosts.image()}\n")
    assert main(["--check", str(file)]) == 1
    assert file.read_text() == f"A_IMAGE={hosts.image()}\n"
    assert "run `make pins`" in capsys.readouterr().err


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_a_replaced_download_is_an_error_and_not_recorded(
    hosts: Hosts, file: Path, check: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"B_WHEEL={hosts.link}\nB_WHEEL_SHA256={'0' * 64}\n"
    file.write_text(text)
    assert main([*check, str(file)]) == 1
    assert file.read_text() == text
    assert f"B_WHEEL_SHA256 is {'0' * 64}, and {hosts.link} has " in capsys.readouterr().err


def test_a_digest_that_the_registry_does_not_have_is_an_error(
    hosts: Hosts, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = f":3.5.10@sha256:{'0' * 64}"
    file.write_text(f"A_IMAGE={hosts.image(unknown)}\n")
    assert main([str(file)]) == 1
    assert "A_IMAGE cannot be compared: HTTP Error 404" in capsys.readouterr().err
