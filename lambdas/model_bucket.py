"""The model bucket: which checkpoints a dynamic runtime can load."""

from http import HTTPStatus
from typing import Any

from contract.routing import CHECKPOINT_EXTENSIONS, checkpoint_name, is_checkpoint_name
from contract.storage import checkpoint_key


class ModelBucket:
    """Checkpoints in the Web UI's own folder layout."""

    def __init__(self, *, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def holds_checkpoint(self, name: str) -> bool:
        """Tell whether there is a checkpoint of this file name, title or bare name, as its sender wrote it."""
        if not is_checkpoint_name(name):
            # S3 would refuse it as a key, which looks like a failure of AWS and would be tried again and again.
            return False
        file_name = checkpoint_name(name)
        if file_name.endswith(CHECKPOINT_EXTENSIONS):
            return self._holds(file_name)
        return any(self._holds(f"{file_name}{extension}") for extension in CHECKPOINT_EXTENSIONS)

    def _holds(self, file_name: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=checkpoint_key(file_name))
        except self._client.exceptions.ClientError as error:
            # Only with the right to list the bucket does S3 say 404; without it, 403 is a mistake of ours.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def checkpoints(self) -> list[str]:
        """Return the file names of all checkpoints, with the folder inside that of the checkpoints, if any."""
        folder = checkpoint_key("")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
        names = [entry["Key"].removeprefix(folder) for page in pages for entry in page.get("Contents", ())]
        return [name for name in names if name.endswith(CHECKPOINT_EXTENSIONS)]
