"""Output of a finished workflow in the form of worker-comfyui, RunPod's endpoint for ComfyUI."""

import base64
from typing import Any, Final

from contract.record import Record
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from lambdas.tasks.workflow_files import OUTPUT_KIND, WorkflowFile, WorkflowFiles

#: Bytes of JSON around the content of a file. A name has at most 255 bytes.
_FRAME_BYTES: Final = 512


class WorkflowResponses:
    """Reads the outputs of `pipeline` tasks."""

    def __init__(self, *, outputs: OutputBucket) -> None:
        self._outputs = outputs
        self._files = WorkflowFiles(outputs=outputs)

    def read(self, record: Record, *, max_bytes: int = MAX_RESPONSE_BYTES) -> dict[str, Any]:
        """Return the files of a completed task: base64 while all fit into `max_bytes`, otherwise links.

        `images` holds what ComfyUI lists under this name, videos too, and `files` everything else. Previews are left
        out, as the worker does.

        Raises:
            OutputGone: an object was deleted meanwhile.
        """
        files = [file for file in self._files.of(record) if file.kind == OUTPUT_KIND]
        if not files:
            return {"status": "success_no_images", "images": []}
        room = max(max_bytes - _FRAME_BYTES * len(files), 0) * 3 // 4
        contents = self._outputs.read_within([file.uri for file in files], max_bytes=room)
        if contents is None:
            shown = [self._item(file, "s3_url", self._outputs.link(file.uri)) for file in files]
        else:
            encoded = [base64.b64encode(content).decode() for content in contents]
            shown = [self._item(file, "base64", text) for file, text in zip(files, encoded, strict=True)]
        images = [item for file, item in zip(files, shown, strict=True) if file.list_name == "images"]
        others = [item for file, item in zip(files, shown, strict=True) if file.list_name != "images"]
        return {"images": images} | ({"files": others} if others else {})

    @staticmethod
    def _item(file: WorkflowFile, kind: str, data: str) -> dict[str, str]:
        return {"filename": file.filename, "type": kind, "data": data}
