"""Refusals in the form of the Comfy API, with its codes, which its clients turn into their exceptions."""

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aws_lambda_powertools.event_handler import Response

from contract import errors
from contract.errors import DarkroomError, FieldError, InvalidTask
from guarded_http.errors import LinkRefused
from lambdas.comfy_api.bodies import ComfyError, NodeProblem, NodeProblems
from lambdas.http.responses import json_response, status_of, with_retry_after

#: Field of a call with the graph.
WORKFLOW: Final = "workflow"
#: Codes of broken fields that the Comfy API names itself.
MISSING_ASSET: Final = "missing_asset"
UI_FORMAT: Final = "workflow_format_ui"
INVALID_METADATA: Final = "metadata_invalid"
#: What is between the id of a node and the name of an input in the path of a field.
INPUTS: Final = ".inputs."


class KeyUsedAgain(DarkroomError):
    """Raised when the idempotency key of a call has made a job already."""

    code = "idempotency_key_reuse"


class EventsMissing(DarkroomError):
    """Raised by a call for a stream of events. A client polls then."""

    code = "not_implemented"


class AssetNotFound(DarkroomError):
    """Raised when no upload and no output has the id of an asset."""

    code = "not_found"


class AssetInUse(DarkroomError):
    """Raised by the removal of an output, which stays as long as its job."""

    code = "asset_in_use"


_STATUS: Final[dict[type[DarkroomError], HTTPStatus]] = {
    KeyUsedAgain: HTTPStatus.UNPROCESSABLE_ENTITY,
    EventsMissing: HTTPStatus.NOT_IMPLEMENTED,
    AssetNotFound: HTTPStatus.NOT_FOUND,
    AssetInUse: HTTPStatus.CONFLICT,
    errors.InvalidTask: HTTPStatus.UNPROCESSABLE_ENTITY,
}
#: The Comfy API's names of errors that Darkroom has under other names.
_CODES: Final = {
    errors.TaskNotFound.code: "not_found",
    errors.RuntimeNotFound.code: "not_found",
    errors.TooManyActiveTasks.code: "queue_full",
    LinkRefused.code: MISSING_ASSET,
}


def refusal(error: DarkroomError) -> Response[str]:
    """Return the response to a call that was refused."""
    described: ComfyError = {"code": _code_of(error), "message": error.message}
    if isinstance(error, InvalidTask):
        described["details"] = {"node_errors": _node_errors(error.details)}
    return with_retry_after(json_response({"error": described}, _STATUS.get(type(error)) or status_of(error)), error)


def node_and_input(field: str) -> tuple[str | None, str]:
    """Return the node and the input in the path of a field: None and an empty text where the path has none."""
    if not field.startswith(f"{WORKFLOW}."):
        return None, ""
    node, _, name = field.removeprefix(f"{WORKFLOW}.").partition(INPUTS)
    return node.removesuffix(".class_type").removesuffix(".inputs").removesuffix("._meta"), name


def _code_of(error: DarkroomError) -> str:
    code = str(error.as_dict()["code"])
    code = _CODES.get(code, code)
    if not isinstance(error, InvalidTask) or code in {MISSING_ASSET, UI_FORMAT, INVALID_METADATA}:
        return code
    is_workflow = any(detail.field.partition(".")[0] == WORKFLOW for detail in error.details)
    return "invalid_workflow" if is_workflow else "invalid_request"


def _node_errors(details: Sequence[FieldError]) -> dict[str, NodeProblems]:
    """Return the broken fields of each node, as ComfyUI lists them."""
    found: dict[str, list[NodeProblem]] = defaultdict(list)
    for detail in details:
        node, name = node_and_input(detail.field)
        if node is not None:
            extra = {"input_name": name} if name else {}
            found[node].append({"type": detail.code, "message": detail.message, "details": name, "extra_info": extra})
    return {node: {"errors": problems, "dependent_outputs": []} for node, problems in found.items()}
