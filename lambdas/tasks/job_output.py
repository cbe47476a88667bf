"""Output of a finished task in the form of its RunPod endpoint: the Web UI's response, or worker-comfyui's files."""

import base64
from typing import Any, Final

from contract.record import Record
from contract.task import TaskType
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES, webui_response
from lambdas.tasks.workflow_files import OUTPUT_KIND, workflow_files

#: Bytes of JSON around the content of a file. A name has at most 255 bytes.
_FRAME_BYTES: Final = 512


def job_output(record: Record, outputs: OutputBucket, *, max_bytes: int = MAX_RESPONSE_BYTES) -> Any:
    """Return the output of a completed task; it has at most `max_bytes` as a JSON string.

    Raises:
        OutputGone: an object was deleted meanwhile.
    """
    if record.tasktype == TaskType.PIPELINE:
        copies = [delivery.model_dump() for delivery in record.deliveries]
        return _workflow_output(record, outputs, max_bytes) | ({"deliveries": copies} if copies else {})
    return webui_response(record, outputs, max_bytes=max_bytes)


def _workflow_output(record: Record, outputs: OutputBucket, max_bytes: int) -> dict[str, Any]:
    """Return the files of a workflow: base64 while all fit into `max_bytes`, otherwise links.

    `images` holds what ComfyUI lists under this name, videos too, and `files` everything else. Previews are left out,
    as the worker does.
    """
    files = [file for file in workflow_files(record, outputs) if file.kind == OUTPUT_KIND]
    if not files:
        return {"status": "success_no_images", "images": []}
    room = max(max_bytes - _FRAME_BYTES * len(files), 0) * 3 // 4
    contents = outputs.read_within([file.uri for file in files], max_bytes=room)
    if contents is None:
        kind, data = "s3_url", [outputs.link(file.uri) for file in files]
    else:
        kind, data = "base64", [base64.b64encode(content).decode() for content in contents]
    images: list[dict[str, str]] = []
    others: list[dict[str, str]] = []
    for file, text in zip(files, data, strict=True):
        listed = images if file.list_name == "images" else others
        listed.append({"filename": file.filename, "type": kind, "data": text})
    return {"images": images} | ({"files": others} if others else {})
