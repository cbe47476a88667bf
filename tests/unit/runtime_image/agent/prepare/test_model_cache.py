"""Models of tasks on a disk that does not hold all of them."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract.storage import CHECKPOINT_FOLDER
from runtime_image.agent.core.claimed_task import TaskPhase
from runtime_image.agent.prepare.model_cache import ModelCache
from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile
from runtime_image.model_downloader.bucket_index import BucketIndex
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.process.engine import ModelReference
from runtime_image.process.logs import EventLog
from tests.unit.runtime_image.agent.fakes import FakeEngine
from tests.unit.runtime_image.agent.tasks import held_task

MODEL_BYTES = 8
#: Seconds for a thread that may have to wait for another one.
MOMENT_SECONDS = 0.2


class FakeBucket(ModelBucket):
    """Bucket of three checkpoints."""

    def __init__(self) -> None:
        super().__init__(client=None, name="models")  # type: ignore[arg-type] # every call is replaced

    def list(self, prefix: str = "") -> Iterator[RemoteFile]:
        for name in "abc":
            yield RemoteFile(f"{prefix}{name}.safetensors", MODEL_BYTES, etag=name)

    def find_check(self, file: RemoteFile) -> None:
        return None

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        yield file.etag.encode() * (end - start)


@dataclass
class AskedEngine(FakeEngine):
    """An engine that does something when it is asked about the first model that may be evicted."""

    meanwhile: list[threading.Thread] = field(default_factory=list)

    def is_named(self, folder: str) -> bool:
        if self.meanwhile and not self.meanwhile[0].ident:
            self.meanwhile[0].start()
            self.meanwhile[0].join(MOMENT_SECONDS)
        return super().is_named(folder)


def test_a_model_that_is_evicted_while_a_task_comes_to_need_it_is_fetched_again(tmp_path: Path) -> None:
    engine, bucket = AskedEngine(), FakeBucket()
    places: dict[str, Any] = {"bucket": bucket, "index": BucketIndex(bucket), "folder": ModelsFolder(tmp_path)}
    log = EventLog(logging.getLogger("models"))
    cache = ModelCache(**places, max_bytes=2 * MODEL_BYTES, engine=engine, log=log)

    def fetch(name: str, phase: TaskPhase = TaskPhase.COMPLETING) -> None:
        task = held_task(name)
        cache.fetch(task, [ModelReference(CHECKPOINT_FOLDER, name, is_required=True)])
        task.phase = phase

    fetch("a")
    fetch("b")
    late = threading.Thread(target=fetch, args=("a", TaskPhase.READY))
    engine.meanwhile.append(late)

    fetch("c")

    late.join()
    assert (tmp_path / CHECKPOINT_FOLDER / "a.safetensors").read_bytes() == b"a" * MODEL_BYTES
