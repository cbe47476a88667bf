"""`darkroom models import`: files of an https server come into the bucket once, checked, also after a break."""

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
import trustme
from click.testing import Result

from cli import model_source
from cli.errors import CommandError, Refused, Unreachable
from cli.model_source import ModelStream, find_source
from tests.harness.model_files import safetensors_file
from tests.harness.serving import QuietHandler, serving
from tests.integration.cli.test_models_command import Shop, endpoint, shop

__all__ = ["endpoint", "shop"]

CONTENT = safetensors_file("double_blocks.0.img_attn.qkv.weight", 64 * 1024)
#: More than one part of an upload.
LARGE = safetensors_file("double_blocks.0.img_attn.qkv.weight", 6 * 1024 * 1024)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = "diffusion_models/flux.safetensors"


@dataclass
class ModelServer:
    """An https server with one file on every path, and what it has been asked for."""

    url: str = ""
    content: bytes = CONTENT
    #: Bytes after which each of the next connections breaks.
    breaks: list[int] = field(default_factory=list)
    #: Header and status by path, instead of the file.
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    server = ModelServer()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            if found := server.answers.get(self.path):
                status, headers, body = found
                self._send(status, {"Content-Length": str(len(body)), **headers}, body)
                return
            begin = (
                int(self.headers["Range"].removeprefix("bytes=").removesuffix("-")) if "Range" in self.headers else 0
            )
            size = len(server.content)
            headers = {"ETag": '"one"', "Content-Length": str(size - begin)}
            if begin:
                headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
            with server.lock:
                end = server.breaks.pop(0) if server.breaks else size
            self._send(206 if begin else 200, headers, server.content[begin:end])

        do_HEAD = do_GET

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setattr(model_source, "PAUSE_SECONDS", 0.01)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    with serving(listener):
        server.url = f"https://127.0.0.1:{listener.server_port}"
        yield server


def imported(shop: Shop, *arguments: str) -> Result:
    return shop.run("import", *arguments)


def stored(shop: Shop, key: str = KEY) -> tuple[bytes, str]:
    answer = shop.s3.get_object(Bucket="shop-models", Key=key)
    return answer["Body"].read(), answer["Metadata"].get("sha256", "")


def test_a_file_goes_to_the_folder_of_its_kind_with_its_checksum(shop: Shop, server: ModelServer) -> None:
    result = imported(shop, f"{server.url}/files/flux.safetensors", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["models"] == [{"key": KEY, "result": "uploaded", "sha256": SHA256}]
    assert stored(shop) == (CONTENT, SHA256)
    assert [method for method, _, _ in server.asked] == ["GET"], "it is streamed once"
    again = imported(shop, f"{server.url}/files/flux.safetensors", "--sha256", SHA256.upper())
    assert (again.exit_code, "unchanged" in again.stdout) == (0, True), again.output
    refused = imported(shop, f"{server.url}/files/flux.safetensors")
    assert (refused.exit_code, "use --replace" in refused.stderr) == (3, True)


def test_a_connection_that_breaks_is_continued(shop: Shop, server: ModelServer) -> None:
    server.content = LARGE
    server.breaks = [1_000_000, 1_000_000, 5_000_000]
    result = imported(shop, f"{server.url}/flux.safetensors")

    assert result.exit_code == 0, result.output
    assert stored(shop) == (LARGE, hashlib.sha256(LARGE).hexdigest())
    ranges = [headers.get("range") for _, _, headers in server.asked]
    assert ranges == [None, "bytes=1000000-", "bytes=1000000-", "bytes=5000000-"]
    assert {headers.get("if-range") for _, _, headers in server.asked[1:]} == {'"one"'}


def test_a_server_that_breaks_off_again_and_again_leaves_nothing(shop: Shop, server: ModelServer) -> None:
    server.content = LARGE
    server.breaks = [5_500_000] * 20
    result = imported(shop, f"{server.url}/flux.safetensors")

    assert (result.exit_code, "broke off after 5,500,000" in result.stderr) == (4, True), result.output
    assert not shop.stored()
    assert not shop.s3.list_multipart_uploads(Bucket="shop-models").get("Uploads")


def test_another_content_than_the_checksum_says_is_not_stored(shop: Shop, server: ModelServer) -> None:
    result = imported(shop, f"{server.url}/flux.safetensors", "--sha256", "0" * 64)

    assert (result.exit_code, "nothing is stored" in result.stderr) == (3, True), result.output
    assert not shop.stored()


@pytest.mark.parametrize("page", ["blob", pytest.param("resolve", marks=pytest.mark.slow)])
def test_a_file_of_hugging_face_is_checked_and_its_token_goes_nowhere_else(
    shop: Shop, server: ModelServer, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(model_source, "HUGGING_FACE", server.url)
    elsewhere = server.url.replace("127.0.0.1", "localhost") + "/cdn"
    headers = {"X-Linked-ETag": f'"{SHA256}"', "Location": elsewhere}
    server.answers["/lab/flux/resolve/main/sub/flux.safetensors"] = (302, headers, b"")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    result = imported(shop, f"{server.url}/lab/flux/{page}/main/sub/flux.safetensors")

    assert result.exit_code == 0, result.output
    assert stored(shop) == (CONTENT, SHA256)
    sent = [(method, path, headers.get("authorization")) for method, path, headers in server.asked]
    page_path = "/lab/flux/resolve/main/sub/flux.safetensors"
    assert sent == [
        ("HEAD", page_path, "Bearer hf_secret"),
        ("GET", page_path, "Bearer hf_secret"),
        ("GET", "/cdn", None),
    ]
    assert "hf_secret" not in result.output


def test_a_version_of_civitai_brings_its_first_file(
    shop: Shop, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_source, "CIVITAI", server.url)
    files = [
        {"name": "preview.zip", "downloadUrl": f"{server.url}/zip", "hashes": {}},
        {"name": "flux.safetensors", "downloadUrl": f"{server.url}/api/download/models/7", "primary": True,
         "hashes": {"SHA256": SHA256.upper()}},
    ]  # fmt: skip
    server.answers["/api/v1/model-versions/7"] = (200, {}, json.dumps({"files": files}).encode())

    for link in ("/models/3/flux?modelVersionId=7", "/api/download/models/7"):
        result = imported(shop, server.url + link)
        assert result.exit_code == 0, result.output
    assert stored(shop) == (CONTENT, SHA256)
    assert "unchanged" in result.stdout


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("http://example.com/a.safetensors", "not an https link"),
        ("https://user@example.com/a.safetensors", "not an https link"),
        ("https://[example.com/a.safetensors", "not an https link"),
        ("https://huggingface.co/lab/flux", "leads to no file"),
        ("https://civitai.com/models/3/flux", "names no version"),
    ],
)
def test_a_link_that_leads_to_no_file_is_refused(link: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        find_source(link, {})


@pytest.mark.parametrize(
    ("status", "headers", "error", "words"),
    [
        (401, {}, Refused, "wants a token"),
        (404, {}, Refused, "answered 404"),
        (503, {}, Unreachable, "answered 503"),
        (302, {"Location": "http://127.0.0.1/x"}, Refused, "which is not https"),
    ],
)
def test_an_answer_without_the_file_is_explained(
    server: ModelServer, status: int, headers: dict[str, str], error: type[CommandError], words: str
) -> None:
    server.answers["/flux.safetensors"] = (status, headers, b"")
    with pytest.raises(error, match=words):
        ModelStream(find_source(f"{server.url}/flux.safetensors", {}))


@pytest.mark.slow
def test_a_token_may_be_a_secret(shop: Shop, server: ModelServer, endpoint: str) -> None:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.create_secret(Name="mirror", SecretString="own_token")
    result = imported(shop, f"{server.url}/flux.safetensors", "--token-secret", "mirror", "--name", "other.safetensors")
    assert result.exit_code == 0, result.output
    assert {headers.get("authorization") for _, _, headers in server.asked} == {"Bearer own_token"}
    assert shop.stored() == ["diffusion_models/other.safetensors"]


@pytest.mark.parametrize("content", [b"<html>sign in</html>", CONTENT[:-1]], ids=["a page", "a part"])
def test_what_is_no_whole_model_is_not_stored(shop: Shop, server: ModelServer, content: bytes) -> None:
    server.content = content
    result = imported(shop, f"{server.url}/flux.safetensors")
    assert (result.exit_code, "is not uploaded" in result.stderr) == (3, True), result.output
    assert not shop.stored()


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "\xb2"], ids=["long", "negative", "square"])
def test_a_length_that_is_no_size_counts_as_none(server: ModelServer, length: str) -> None:
    server.answers["/flux.safetensors"] = (200, {"Content-Length": length}, b"")

    with pytest.raises(Refused, match="does not announce the size"):
        ModelStream(find_source(f"{server.url}/flux.safetensors", {}))
