"""Model bucket: finds the checkpoint for a name in a request, and the models of a workflow."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from contract.routing import CHECKPOINT_EXTENSIONS, checkpoint_name, is_checkpoint_name, model_name_forms
from contract.storage import LORA_FOLDER, SHA256_METADATA, S3Location, checkpoint_key
from lambdas.runtime.aws_errors import head_object

#: Hash of a checkpoint in a Web UI: the first ten digits of the file's SHA-256, or all of them.
_HASH: Final = re.compile(r"[0-9a-f]{10}|[0-9a-f]{64}")


class _Listed(NamedTuple):
    #: Path below the listed folder.
    name: str
    etag: str


class CheckpointCatalogue:
    """Checkpoints in the Web UI's own folder layout."""

    def __init__(self, *, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._hashes: dict[_Listed, str] = {}

    def find_checkpoint(self, name: str) -> str | None:
        """Return the path, below the folder of checkpoints, of a file name, title, bare name or hash.

        A checkpoint has a hash if it was uploaded with its SHA-256, as `darkroom models push` does.
        """
        if not is_checkpoint_name(name):
            # S3 would refuse it as a key. The refusal would look like a failure of AWS, and cause endless retries.
            return None
        wanted = checkpoint_name(name)
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
        # The right to list is enough, so functions can read no models but checkpoints. The key itself is listed first.
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        return any(entry["Key"] == key for entry in found.get("Contents", ()))

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
