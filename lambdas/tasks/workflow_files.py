"""Files of a finished workflow, as its stored outcome lists them: the node that made each, and ComfyUI's name of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract.record import Record
from contract.task import TaskType
from lambdas.tasks.output_bucket import OutputBucket

#: Bytes of an outcome that a function reads. It has no files, only their names and the texts of nodes.
MAX_OUTCOME_BYTES: Final = 8 * 1024 * 1024
#: Kind of the files that ComfyUI keeps. An engine stores those of kind `temp`, previews, if there are no others.
OUTPUT_KIND: Final = "output"


@dataclass(frozen=True)
class WorkflowFile:
    """A file, its number among the outputs of its task (from 1), and the node that made it."""

    number: int
    node_id: str
    #: Name of ComfyUI's list of such files: `images`, `audio`, `3d` and others.
    list_name: str
    filename: str
    #: `output` or `temp`.
    kind: str
    #: `image`, `video`, `audio`, `text`, `latent` or `file`.
    medium: str
    uri: str


def workflow_files(record: Record, outputs: OutputBucket) -> list[WorkflowFile]:
    """Return the files of a completed task in their order; raises OutputGone if its outcome was deleted."""
    uris = [record.output_url] if record.output_url else []
    stored = outputs.read_within(uris, max_bytes=MAX_OUTCOME_BYTES)
    if not stored or record.tasktype != TaskType.PIPELINE:
        return []
    return sorted(_files(json.loads(stored[0]).get("outputs") or {}), key=lambda file: file.number)


def _files(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[WorkflowFile]:
    for node_id, lists in outputs.items():
        for list_name, items in lists.items():
            for item in items if isinstance(items, list) else ():
                match item:
                    case {"n": int(number), "s3_url": str(uri), "filename": str(filename)}:
                        kind = str(item.get("type", OUTPUT_KIND))
                        medium = str(item.get("kind") or "file")
                        yield WorkflowFile(number, node_id, list_name, filename, kind, medium, uri)
