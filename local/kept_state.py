"""Objects and records of `--keep`: written to the state directory while the system runs, restored at its next start."""

import asyncio
import base64
import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from contract.record import KEY_ATTRIBUTE, Status
from local.aws.clients import LocalAwsClients
from local.provisioning.storage import location

log = logging.getLogger(__name__)

#: Seconds between two saves, which a killed system loses at most.
SAVE_SECONDS: Final = 1.0
#: Fields of an object that `get_object` returns and `put_object` accepts again.
_ATTRIBUTES: Final = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentType", "Metadata")


class KeptState:
    """Saves what has changed since the last save. Objects come first, so that a saved record has its images."""

    def __init__(self, folder: Path, *, clients: LocalAwsClients, table: str) -> None:
        self._objects = folder / "objects"
        self._records = folder / "records.jsonl"
        self._region = clients.region
        self._s3 = clients("s3")
        self._dynamodb = clients("dynamodb")
        self._table = table
        self._saved: dict[Path, object] = {}
        self._saved_records = ""
        #: A save whose task was cancelled goes on in its thread, while the last one begins.
        self._saving = threading.Lock()
        self._objects.mkdir(parents=True, exist_ok=True)

    def restore(self) -> int:
        """Put every saved object and record into the empty system, and return the number of records.

        The queues are empty, so the reaper publishes the waiting tasks again.
        """
        existing = {bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]}
        for description in self._objects.glob("*.json"):
            saved = json.loads(description.read_text())
            if saved["Bucket"] not in existing:
                self._s3.create_bucket(Bucket=saved["Bucket"], **location(self._region))
                existing.add(saved["Bucket"])
            with description.with_suffix(".data").open("rb") as content:
                self._s3.put_object(Body=content, **saved)
        lines = self._records.read_text().splitlines() if self._records.exists() else []
        for line in lines:
            item = json.loads(line, object_hook=_binary)
            if item["status"]["S"] == Status.IN_QUEUE:
                item["due_at_ms"] = {"N": str(int(time.time() * 1000))}
                # Otherwise the reaper's mark would be refused, and it would publish the task again each minute.
                item.pop("published_at_ms", None)
            self._dynamodb.put_item(TableName=self._table, Item=item)
        return len(lines)

    def save(self) -> None:
        """Write the objects and records that have changed, and remove the files of deleted objects."""
        with self._saving:
            records = self._read_records()
            found: dict[Path, object] = {}
            for bucket in self._s3.list_buckets()["Buckets"]:
                for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                    for entry in page.get("Contents", ()):
                        path = self._description(bucket["Name"], entry["Key"])
                        found[path] = (entry["ETag"], entry["LastModified"])
                        if self._saved.get(path) != found[path]:
                            self._save_object(path, bucket["Name"], entry["Key"])
            for path in set(self._objects.glob("*.json")) - found.keys():
                path.unlink()
                path.with_suffix(".data").unlink(missing_ok=True)
            self._saved = found
            if records != self._saved_records:
                _replace(self._records, records.encode())
                self._saved_records = records

    async def keep_saving(self) -> None:
        """Save again and again, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self.save_if_possible()

    async def save_if_possible(self) -> None:
        """Save; leave the last save as it is when AWS does not answer any more, or the disk is full."""
        try:
            await asyncio.to_thread(self.save)
        except (BotoCoreError, ClientError, OSError) as error:
            # An object may disappear between its listing and its download. The next save sees the new state.
            log.warning("the state was not saved: %s", error, exc_info=True)

    def _description(self, bucket: str, key: str) -> Path:
        return self._objects / f"{hashlib.sha256(f'{bucket}/{key}'.encode()).hexdigest()}.json"

    def _save_object(self, path: Path, bucket: str, key: str) -> None:
        stored = self._s3.get_object(Bucket=bucket, Key=key)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            for piece in stored["Body"].iter_chunks(1 << 20):
                file.write(piece)
        unfinished.replace(path.with_suffix(".data"))
        attributes = {name: stored[name] for name in _ATTRIBUTES if name in stored}
        _replace(path, json.dumps({"Bucket": bucket, "Key": key, **attributes}).encode())

    def _read_records(self) -> str:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table)
        # A heartbeat has no status. It belongs to a replica, which ends with the run.
        tasks = [item for page in pages for item in page["Items"] if "status" in item]
        tasks.sort(key=lambda item: str(item[KEY_ATTRIBUTE]["S"]))
        return "".join(json.dumps(item, sort_keys=True, default=_base64) + "\n" for item in tasks)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _base64(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}


def _binary(value: Mapping[str, Any]) -> object:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
