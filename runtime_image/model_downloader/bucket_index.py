"""Index of the model bucket by the names that requests use: file names, with or without folder and extension."""

import threading
import time
from typing import Final

from contract.routing import model_name_forms
from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile

#: Extensions of the files that the Web UI lists as models.
MODEL_EXTENSIONS: Final = frozenset({".safetensors", ".ckpt", ".pt"})
#: Seconds for which a folder's list is valid. A model that was replaced, and is not loaded, is noticed by then.
LIST_SECONDS: Final = 60.0
#: Seconds between two searches for a missing name. Each search is one call per thousand files.
MISSING_SECONDS: Final = 2.0


class BucketIndex:
    """Keeps the lists of folders. Safe to share between threads."""

    def __init__(self, bucket: ModelBucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[float, dict[str, RemoteFile]]] = {}

    def find(self, folder: str, name: str) -> RemoteFile | None:
        """Return the file that a request means by `name`; raises DownloadFailed if the bucket cannot be listed."""
        with self._lock:
            return self._names(folder, LIST_SECONDS).get(name) or self._names(folder, MISSING_SECONDS).get(name)

    def find_key(self, key: str) -> RemoteFile | None:
        """Return the file of a key inside a folder."""
        folder, _, name = key.partition("/")
        with self._lock:
            found = self._names(folder, LIST_SECONDS).get(name)
        return found if found and found.key == key else None

    def _names(self, folder: str, max_age_seconds: float) -> dict[str, RemoteFile]:
        listed_at, names = self._lists.get(folder, (float("-inf"), {}))
        if time.monotonic() - listed_at > max_age_seconds:
            names = {}
            for file in self._bucket.list(f"{folder}/"):
                exact = file.key.removeprefix(f"{folder}/")
                for form in model_name_forms(exact, MODEL_EXTENSIONS):
                    # The exact name of one file wins over a short form of another.
                    if form not in names or form == exact:
                        names[form] = file
            self._lists[folder] = (time.monotonic(), names)
        return names
