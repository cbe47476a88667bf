"""Which file of the model bucket a request means: it calls models by file name, with or without folder and ending."""

import threading
import time
from typing import Final

from contract.routing import model_name_forms
from runtime_image.model_downloader.bucket import ModelBucket
from runtime_image.model_downloader.remote_file import RemoteFile

#: Endings that the Web UI takes for models.
MODEL_EXTENSIONS: Final = frozenset({".safetensors", ".ckpt", ".pt"})
#: Seconds for which a folder's list is good: a model that was replaced, and is not loaded, is noticed within.
LIST_SECONDS: Final = 60.0
#: Seconds between two looks for what was not there: each is a call for a thousand files.
MISSING_SECONDS: Final = 2.0


class BucketIndex:
    """Remembers the lists of folders. Safe to use from several threads."""

    def __init__(self, bucket: ModelBucket) -> None:
        self._bucket = bucket
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[float, dict[str, RemoteFile]]] = {}

    def find(self, folder: str, name: str) -> RemoteFile | None:
        """Return the file that a request means by `name`; raises DownloadFailed if the bucket cannot be asked."""
        with self._lock:
            return self._names(folder, LIST_SECONDS).get(name) or self._names(folder, MISSING_SECONDS).get(name)

    def find_key(self, key: str) -> RemoteFile | None:
        """Return the file of a key that lies in a folder."""
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
                    # The exact name of one file counts more than a short form of another.
                    if form not in names or form == exact:
                        names[form] = file
            self._lists[folder] = (time.monotonic(), names)
        return names
