"""`v1/download` and `v1/sync`: files come into the models folder and nowhere else, from public addresses only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.errors import DarkroomError, InvalidTask
from contract.record import Status
from guarded_http.client import GuardedHttp
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import resolve_with_system
from runtime_image.agent.prepare import model_calls
from runtime_image.agent.prepare.model_calls import ModelCalls
from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile
from runtime_image.model_downloader.bucket_index import BucketIndex
from runtime_image.model_downloader.errors import DiskFull
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.process.clock import Clock
from runtime_image.process.logs import configure_logs
from tests.integration.agent.harness import Harness
from tests.integration.agent.hub import Hub, safetensors
from tests.unit.runtime_image.agent.tasks import held_task

DOWNLOAD_PATH = "/v1/download"
SYNC_PATH = "/v1/sync"
TOKEN = "hf_example"
REPOSITORY = "stabilityai/vae"
FILES = {
    "vae.safetensors": safetensors(b"weights" * 1000),
    "sub/wide.safetensors": safetensors(b"wide"),
    ".gitattributes": b"*",
    "config.yaml": b"model: {target: os.system}",
    "vae.bin": b"pickle",
}


class ListedBucket(ModelBucket):
    """A model bucket that holds these keys."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def list(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Yield its files."""
        return (RemoteFile(key, 1, "1") for key in self.keys if key.startswith(prefix))


@dataclass
class CallGround:
    hub: Hub
    url: str
    bucket: ListedBucket
    directory: Path
    #: Another server of this machine, which is allowed too.
    elsewhere: str = ""

    def call(self, path: str, *, allowed: bool = True, **body: Any) -> dict[str, Any]:
        clock = Clock()
        task = held_task()
        task.claimed_at = clock.monotonic()
        hosts = [url.removeprefix("http://") for url in (self.url, self.elsewhere)] if allowed else []
        calls = ModelCalls(
            folder=ModelsFolder(self.directory),
            index=BucketIndex(self.bucket),
            http=GuardedHttp(resolve=resolve_with_system, allowed_hosts=hosts),
            hub_url=self.url,
            clock=clock,
            log=configure_logs("ERROR"),
        )
        description = task.task_message.task
        content = {"api": {"method": "POST", "endpoint": path}, "payload": body}
        description = description.model_copy(update={"content": content})
        task.task_message = task.task_message.model_copy(update={"task": description})
        return calls.run(task)

    def fetched(self) -> dict[str, bytes]:
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return {path.relative_to(self.directory).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[CallGround]:
    hub = Hub(files={REPOSITORY: dict(FILES)})
    (tmp_path / "models").mkdir()
    with hub.serve() as url:
        yield CallGround(hub, url, ListedBucket("Lora/packs/ink.safetensors"), tmp_path / "models")


def test_a_repository_is_synced_and_only_what_changed_comes_again(ground: CallGround) -> None:
    ground.hub.token = TOKEN
    call: dict[str, Any] = {"repo_id": REPOSITORY, "sync_path": "VAE/new/", "hf_token": TOKEN}
    answer = ground.call(SYNC_PATH, **call)
    assert answer == {"synced_count": 2, "synced_files": ["VAE/new/vae.safetensors", "VAE/new/sub/wide.safetensors"]}
    assert ground.fetched() == {f"VAE/new/{name}": FILES[name] for name in ("vae.safetensors", "sub/wide.safetensors")}
    ground.hub.files[REPOSITORY]["more.safetensors"] = safetensors(b"more")
    assert ground.call(SYNC_PATH, **call)["synced_files"] == ["VAE/new/more.safetensors"]
    ground.hub.files[REPOSITORY]["more.safetensors"] = safetensors(b"other")
    with pytest.raises(InvalidTask, match="VAE holds a model 'more' already"):
        ground.call(SYNC_PATH, **call)


def test_a_file_is_downloaded(ground: CallGround) -> None:
    source = f"{ground.url}/{REPOSITORY}/resolve/main/vae.safetensors"
    answer = ground.call(DOWNLOAD_PATH, source_url=f"{source}?token=1", download_path="VAE/mine.safetensors")
    assert answer == {"msg": "downloaded", "source_url": source, "download_path": "VAE/mine.safetensors"}
    assert ground.call(DOWNLOAD_PATH, source_url=source, download_path="VAE/")["download_path"] == "VAE/"
    assert set(ground.fetched()) == {"VAE/mine.safetensors", "VAE/vae.safetensors"}


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/etc/x", "VAE/../../x", "VAE//x", "VAE/.x", "out/x", "VAE\\x", ".", "VAE/a\0"),
        *("ControlNetPreprocessors/TEED/x", "torch/hub/x", "vae/x", "VAE", "VAE/a/../../out/x"),
    ],
)
def test_nothing_comes_to_other_places(ground: CallGround, tmp_path: Path, path: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (ground.directory / "out").symlink_to(tmp_path / "elsewhere")
    source = f"{ground.url}/{REPOSITORY}/resolve/main/vae.safetensors"
    refused = r"models folder|must lead to a \.safetensors file"
    with pytest.raises(InvalidTask, match=refused):
        ground.call(DOWNLOAD_PATH, source_url=source, download_path=f"{path}.safetensors")
    with pytest.raises(InvalidTask, match=refused):
        ground.call(SYNC_PATH, repo_id=REPOSITORY, sync_path=f"../{path}" if path == "VAE" else path)
    assert not ground.fetched()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_repository_cannot_name_files_outside(ground: CallGround, tmp_path: Path) -> None:
    ground.hub.files[REPOSITORY] = {"../../outside.safetensors": safetensors(b"x")}
    with pytest.raises(InvalidTask, match="models folder"):
        ground.call(SYNC_PATH, repo_id=REPOSITORY, sync_path="VAE")
    assert not ground.fetched()
    assert not (tmp_path / "outside.safetensors").exists()


@pytest.mark.parametrize("name", ["x.pth", "x.pt", "x.bin", "x.ckpt", "x.yaml", "x.py", "x", "x.safetensors.pt"])
def test_nothing_comes_that_can_run_code(ground: CallGround, name: str) -> None:
    source = f"{ground.url}/{REPOSITORY}/resolve/main/vae.safetensors"
    with pytest.raises(InvalidTask, match=r"must lead to a \.safetensors file in one of ControlNet, ESRGAN"):
        ground.call(DOWNLOAD_PATH, source_url=source, download_path=f"ControlNet/{name}")
    assert not ground.fetched()


@pytest.mark.parametrize("content", [b"pickle", safetensors(b"x")[:-1], (2**40).to_bytes(8, "little") + b"{}"])
def test_what_is_no_model_does_not_come(ground: CallGround, content: bytes) -> None:
    ground.hub.files[REPOSITORY] = {"fake.safetensors": content}
    source = f"{ground.url}/{REPOSITORY}/resolve/main/fake.safetensors"
    with pytest.raises(LinkRefused, match="is not a model"):
        ground.call(DOWNLOAD_PATH, source_url=source, download_path="VAE/")
    assert not ground.fetched()


@pytest.mark.parametrize(
    "name", ["Lora/ink", "Lora/other/ink", "Stable-diffusion/photo", "Stable-diffusion/baked", "Stable-diffusion/a/old"]
)
def test_no_model_is_replaced_or_hidden(ground: CallGround, tmp_path: Path, name: str) -> None:
    folder = ground.directory / "Stable-diffusion"
    folder.mkdir()
    (folder / "photo.safetensors").write_bytes(b"the operator's")
    (folder / "old.ckpt").write_bytes(b"the operator's")
    (folder / "baked.safetensors").symlink_to(tmp_path / "missing")
    before = ground.fetched()
    source = f"{ground.url}/{REPOSITORY}/resolve/main/vae.safetensors"
    with pytest.raises(InvalidTask, match="already; write another name"):
        ground.call(DOWNLOAD_PATH, source_url=source, download_path=f"{name}.safetensors")
    assert ground.fetched() == before


def test_a_file_that_does_not_say_how_large_it_is_does_not_fill_the_disk(
    ground: CallGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.hub.tells_length = False
    monkeypatch.setattr(model_calls, "CHECK_BYTES", 1000)
    monkeypatch.setattr(model_calls, "free_bytes", lambda _folder: 0)
    source = f"{ground.url}/{REPOSITORY}/resolve/main/vae.safetensors"
    with pytest.raises(DiskFull, match="no room for the rest"):
        ground.call(DOWNLOAD_PATH, source_url=source, download_path="VAE/x.safetensors")
    assert not ground.fetched()


def test_a_link_that_leads_to_no_file_is_named(ground: CallGround) -> None:
    with pytest.raises(LinkUnavailable, match="answered 404"):
        ground.call(DOWNLOAD_PATH, source_url=f"{ground.url}/missing.safetensors", download_path="VAE/")


def test_addresses_that_are_not_public_are_refused(ground: CallGround) -> None:
    with pytest.raises(LinkRefused, match="not a public address"):
        ground.call(DOWNLOAD_PATH, allowed=False, source_url=f"{ground.url}/x", download_path="VAE/x.safetensors")
    ground.hub.redirects["/x"] = "http://169.254.169.254/latest/meta-data"
    with pytest.raises(LinkRefused, match="not a public address"):
        ground.call(DOWNLOAD_PATH, source_url=f"{ground.url}/x", download_path="VAE/x.safetensors")


def test_a_token_goes_to_the_hub_and_not_to_where_it_redirects(ground: CallGround) -> None:
    other, path = Hub(files={"other": FILES}), "/other/resolve/main/vae.safetensors"
    with other.serve() as ground.elsewhere:
        ground.hub.redirects[f"/{REPOSITORY}/resolve/main/vae.safetensors"] = f"{ground.elsewhere}{path}"
        ground.call(SYNC_PATH, repo_id=REPOSITORY, sync_path="VAE", hf_token=TOKEN)
    assert other.asked == [(path, None)]
    assert {token for _, token in ground.hub.asked} == {f"Bearer {TOKEN}"}


def test_what_is_not_as_listed_is_thrown_away(ground: CallGround) -> None:
    ground.hub.spoiled["vae.safetensors"] = b"another"
    with pytest.raises(LinkUnavailable, match="something else"):
        ground.call(SYNC_PATH, repo_id=REPOSITORY, sync_path="VAE")
    assert not ground.fetched()


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (DOWNLOAD_PATH, {}, "source_url: is required"),
        (DOWNLOAD_PATH, {"source_url": 5, "download_path": "VAE/x"}, "source_url: is required"),
        (
            DOWNLOAD_PATH,
            {"source_url": "file:///etc/passwd", "download_path": "VAE/x.safetensors"},
            "only http and https",
        ),
        (SYNC_PATH, {"repo_id": "../x", "sync_path": "VAE"}, "repo_id"),
        (SYNC_PATH, {"repo_id": "a/b/c", "sync_path": "VAE"}, "repo_id"),
        (SYNC_PATH, {"repo_id": "a/b", "sync_path": "VAE", "hf_token": "a\nb"}, "hf_token"),
        (SYNC_PATH, {"repo_id": "not/there", "sync_path": "VAE"}, "answered 404"),
    ],
)
def test_what_cannot_be_done_is_told(ground: CallGround, path: str, body: dict[str, Any], words: str) -> None:
    with pytest.raises(DarkroomError, match=words):
        ground.call(path, **body)


def test_a_task_is_carried_out_without_the_web_ui_and_its_token_shows_nowhere(
    harness: Harness, ground: CallGround
) -> None:
    ground.hub.token = TOKEN
    content = {
        "api": {"method": "POST", "endpoint": "/v1/sync"},
        "payload": {"repo_id": REPOSITORY, "sync_path": "VAE", "hf_token": TOKEN},
    }
    harness.submit("a", content, tasktype="webui-api", checkpoint=None)
    agent = harness.start_agent(
        MODELS_DIRECTORY=ground.directory,
        HF_ENDPOINT=ground.url,
        ALLOWED_LINK_HOSTS=json.dumps([ground.url.removeprefix("http://")]),
    )
    record = harness.wait_for("a", Status.COMPLETED)
    (output,) = harness.outputs().values()
    assert json.loads(output) == {
        "synced_count": 2,
        "synced_files": ["VAE/vae.safetensors", "VAE/sub/wide.safetensors"],
    }
    assert not [path for method, path in harness.webui.calls if "v1/sync" in path]
    for text in (agent.log_file.read_text(), output.decode(), repr(record)):
        assert TOKEN not in text
