"""Calls of the Web UI's API, parsed from HTTP requests: runtime, endpoint and body."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from contract.errors import FieldError, InvalidJson
from contract.json_values import parse_json_object
from contract.routing import Catalogue, Runtime
from contract.runpod import ALLOWED_CALLS, TASKTYPE_OF_ENDPOINT
from contract.task import TaskType
from lambdas.webui_api.refusals import invalid, plain

#: Header that names a runtime. A runtime in the path has precedence.
RUNTIME_HEADER: Final = "x-runtime"
PROGRESS: Final = "sdapi/v1/progress"
INTERRUPT: Final = "sdapi/v1/interrupt"
SKIP: Final = "sdapi/v1/skip"
OPTIONS: Final = "sdapi/v1/options"
#: Calls that the bridge answers without a replica.
_OWN_CALLS: Final = {"GET": frozenset({PROGRESS}), "POST": frozenset({INTERRUPT, SKIP})}
#: Endpoints by method.
CALLS: Final = {method: ALLOWED_CALLS[method] | own for method, own in _OWN_CALLS.items()}
_PATH: Final = re.compile(r"(?:/runtimes/(?P<runtime>[^/]+))?/(?P<endpoint>(?:sdapi/v1|controlnet)/[^/]+)/?")
#: Characters of a broken body that its refusal repeats.
MAX_REPEATED_LENGTH: Final = 1000


@dataclass(frozen=True)
class Call:
    """One call; `endpoint` has no leading slash, `payload` is empty for calls without a body."""

    runtime: Runtime
    method: str
    endpoint: str
    payload: dict[str, Any]
    #: Options that the caller has set before, for a call that makes pictures.
    preferences: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tasktype(self) -> TaskType:
        """Type of the task that runs the call."""
        return TASKTYPE_OF_ENDPOINT.get(self.endpoint, TaskType.WEBUI_API)

    @property
    def generates(self) -> bool:
        """Return True if the call makes pictures step by step, with progress and interruption."""
        return self.tasktype in {TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE}


def parse_call(method: str, path: str, headers: Mapping[str, str], body: str | bytes, *, catalogue: Catalogue) -> Call:
    """Return the call of a request; raises WebUiRefusal."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise plain(HTTPStatus.NOT_FOUND, "Not Found")
    named = match["runtime"] or {name.lower(): value for name, value in headers.items()}.get(RUNTIME_HEADER)
    runtime = _runtime(named, catalogue)
    endpoint = match["endpoint"]
    methods = [name for name, endpoints in CALLS.items() if endpoint in endpoints]
    if not methods:
        raise plain(HTTPStatus.NOT_FOUND, "Not Found")
    if method not in methods:
        raise plain(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed")
    payload = _payload(body, is_needed=not _goes_without_body(endpoint)) if method == "POST" else {}
    return Call(runtime, method, endpoint, payload)


def _runtime(name: str | None, catalogue: Catalogue) -> Runtime:
    if not name:
        # The first of the environment file is the default.
        return catalogue.default_webui()
    found = catalogue.find(name)
    if isinstance(found, FieldError):
        raise plain(HTTPStatus.NOT_FOUND, found.message)
    if not found.takes(TaskType.WEBUI_API):
        raise plain(HTTPStatus.NOT_FOUND, catalogue.advice(found))
    return found


def _goes_without_body(endpoint: str) -> bool:
    return endpoint in {INTERRUPT, SKIP} or endpoint.startswith("sdapi/v1/refresh-")


def _payload(body: str | bytes, *, is_needed: bool) -> dict[str, Any]:
    if not body:
        if is_needed:
            raise invalid(["body"], "field required", "value_error.missing")
        return {}
    try:
        return parse_json_object(body)
    except InvalidJson as error:
        _refuse_broken(body)
        raise invalid(["body"], error.message, "value_error.jsondecode") from None


def _refuse_broken(body: str | bytes) -> None:
    """Refuse a body that is not a JSON object as the Web UI does; the caller refuses all other bodies in our words."""
    try:
        value = json.loads(body)
    except json.JSONDecodeError as error:
        context = {"msg": error.msg, "doc": error.doc[:MAX_REPEATED_LENGTH], "pos": error.pos}
        context |= {"lineno": error.lineno, "colno": error.colno}
        raise invalid(["body", error.pos], str(error), "value_error.jsondecode", ctx=context) from None
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        raise invalid(["body"], "value is not a valid dict", "type_error.dict")
