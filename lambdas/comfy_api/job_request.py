"""Call for a job, and the task that it means."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.errors import FieldError, InvalidTask
from contract.json_values import parse_json_object
from contract.model_errors import MAX_ERRORS, field_errors
from contract.pipeline.graph import EXTRA_DATA
from contract.task import TaskType
from contract.upload import MAX_LINKS
from contract.webui_values import shown
from lambdas.comfy_api.refusals import INVALID_METADATA, MISSING_ASSET, UI_FORMAT, WORKFLOW

#: Folder of the outputs.
PREFIX: Final = "comfy"
#: Labels of one job, and characters of each of their names and values.
MAX_LABELS: Final = 16
MAX_LABEL_LENGTH: Final = 256
_ASSET_TYPE: Final = "core/ASSET"
_Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_LENGTH)]


class JobRequest(BaseModel):
    """A graph in ComfyUI's API format, and labels, which the job keeps."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    workflow: dict[str, Any]
    extra_data: dict[str, Any] = {}
    metadata: dict[_Label, _Label] = Field(default={}, max_length=MAX_LABELS)

    def task(self, job_id: str, *, runtime: str, link_to: Callable[[str], str | None]) -> dict[str, Any]:
        """Return the task. `link_to` returns the link to an asset, or None for one that is not there."""
        metadata: dict[str, Any] = {
            "id": job_id,
            "runtime": runtime,
            "tasktype": TaskType.PIPELINE.value,
            "prefix": PREFIX,
        }
        if self.metadata:
            metadata["context"] = self.metadata
        content = with_links(self.workflow, link_to)
        if self.extra_data:
            content[EXTRA_DATA] = self.extra_data
        return {"task": {"metadata": metadata, "content": content}}


def parse_job(body: str | bytes) -> JobRequest:
    """Read a call; raises InvalidTask with every broken field, and InvalidJson."""
    try:
        request = JobRequest.model_validate(parse_json_object(body))
    except ValidationError as error:
        unknown = FieldError("", "is not known; there are workflow, extra_data and metadata")
        raise InvalidTask(list(map(_with_code, field_errors(error, unknown=unknown)))) from None
    if {"nodes", "links"} <= request.workflow.keys():
        message = "is the form in which the editor saves it; export it with Workflow > Export (API)"
        raise InvalidTask([FieldError(WORKFLOW, message, UI_FORMAT)])
    return request


def _with_code(error: FieldError) -> FieldError:
    return replace(error, code=INVALID_METADATA) if error.field.partition(".")[0] == "metadata" else error


def with_links(workflow: Mapping[str, Any], link_to: Callable[[str], str | None]) -> dict[str, Any]:
    """Return a graph whose assets are links; raises InvalidTask with every asset that is not there."""
    missing: list[FieldError] = []
    links: dict[str, str | None] = {}

    def link_of(asset_id: str) -> str | None:
        if asset_id not in links:
            if len(links) == MAX_LINKS:
                message = f"names more than {MAX_LINKS} assets, the most of one task"
                raise InvalidTask([FieldError(WORKFLOW, message, "limit_exceeded")])
            links[asset_id] = link_to(asset_id)
        return links[asset_id]

    def linked(value: Any, field: str) -> Any:
        if not isinstance(value, dict) or value.get("__type") != _ASSET_TYPE:
            return value
        info = value.get("info")
        asset_id = info.get("id") if isinstance(info, dict) else None
        link = link_of(asset_id) if isinstance(asset_id, str) else None
        if link is None:
            message = f"names the asset {shown(asset_id)}, which is not there; upload the file first"
            missing.append(FieldError(field, message, MISSING_ASSET))
        return link

    def with_linked_inputs(node_id: str, node: Any) -> Any:
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if not isinstance(inputs, dict):
            return node
        path = f"{WORKFLOW}.{node_id}.inputs"
        return {**node, "inputs": {name: linked(value, f"{path}.{name}") for name, value in inputs.items()}}

    found = {node_id: with_linked_inputs(node_id, node) for node_id, node in workflow.items()}
    if missing:
        raise InvalidTask(missing[:MAX_ERRORS])
    return found
