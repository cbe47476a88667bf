"""Model bucket: finds the checkpoint for a name in a request, and the models of a workflow."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from contract.routing import CHECKPOINT_EXTENSIONS, checkpoint_name, is_checkpoint_name, model_name_forms
from contract.storage import LORA_FOLDER, SHA256_METADATA, S3Location, checkpoint_key
from lambdas.runtime.aws_errors import head_object

#: Hash of a checkpoint in a Web UI: the first ten digits of the file's SHA-256, or all of them.
_HASH: Final = re.compile(r"[0-9a-f]{10}|[0-9a-f]{64}")
#: Seconds for which a process remembers a model that exists. S3 bills a listing as a write, and a workflow names
#: several models. A replica that does not find a model says so itself.
FOUND_SECONDS: Final = 60.0


class _Listed(NamedTuple):
    #: Path below the listed folder.
    name: str
    etag: str


class CheckpointCatalogue:
    """Checkpoints in the Web UI's own folder layout. `clock` returns monotonic seconds."""

    def __init__(self, *, client: Any, bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._hashes: dict[_Listed, str] = {}
        #: Paths of checkpoints by their names, and keys, each with the time until which it is remembered.
        self._checkpoints: dict[str, tuple[str, float]] = {}
        self._objects: dict[str, float] = {}

    def find_checkpoint(self, name: str) -> str | None:
        """Return the path, below the folder of checkpoints, of a file name, title, bare name or hash.

        A checkpoint has a hash if it was uploaded with its SHA-256, as `darkroom models push` does.
        """
        if not is_checkpoint_name(name):
            # S3 would refuse it as a key. The refusal would look like a failure of AWS, and cause endless retries.
            return None
        wanted = checkpoint_name(name)
        known, until = self._checkpoints.get(wanted, ("", 0.0))
        if self._clock() < until:
            return known
        found = self._look_up(wanted)
        if found is not None:
            self._checkpoints[wanted] = found, self._clock() + FOUND_SECONDS
        return found

    def _look_up(self, wanted: str) -> str | None:
        is_whole = wanted.endswith(CHECKPOINT_EXTENSIONS)
        exact = [wanted] if is_whole else [f"{wanted}{extension}" for extension in CHECKPOINT_EXTENSIONS]
        for file_name in exact:
            if self._metadata(file_name) is not None:
                return file_name
        listed = list(self._list(checkpoint_key("")))
        for checkpoint in listed:
            if wanted in model_name_forms(checkpoint.name, CHECKPOINT_EXTENSIONS):
                return checkpoint.name
        if not _HASH.fullmatch(wanted.lower()):
            return None
        return next((each.name for each in listed if self._hash(each).startswith(wanted.lower())), None)

    def has_object(self, key: str) -> bool:
        """Return True if the model bucket has an object with this key."""
        if self._clock() < self._objects.get(key, 0.0):
            return True
        # The right to list is enough, so functions can read no models but checkpoints. The key itself is listed first.
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        if not any(entry["Key"] == key for entry in found.get("Contents", ())):
            return False
        self._objects[key] = self._clock() + FOUND_SECONDS
        return True

    def checkpoints(self) -> list[str]:
        """Return the paths of all checkpoints below the folder of checkpoints."""
        return [checkpoint.name for checkpoint in self._list(checkpoint_key(""))]

    def loras(self) -> list[str]:
        """Return the names of the LoRAs in the model bucket, as prompts write them."""
        return sorted(PurePosixPath(lora.name).stem for lora in self._list(f"{LORA_FOLDER}/"))

    def _list(self, folder: str) -> Iterator[_Listed]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith(CHECKPOINT_EXTENSIONS):
                    yield _Listed(entry["Key"].removeprefix(folder), entry["ETag"])

    def _hash(self, checkpoint: _Listed) -> str:
        if checkpoint not in self._hashes:
            metadata = self._metadata(checkpoint.name) or {}
            self._hashes[checkpoint] = metadata.get(SHA256_METADATA, "").lower()
        return self._hashes[checkpoint]

    def _metadata(self, file_name: str) -> dict[str, str] | None:
        """Return the metadata of an object, None for a missing object."""
        head = head_object(self._client, S3Location(self._bucket, checkpoint_key(file_name)))
        return None if head is None else dict(head.get("Metadata", {}))
