"""Mapping of the SD Web UI's bad responses to errors: the request's fault, the machine's, or unclear."""

import re
from collections.abc import Mapping
from typing import Any, Final

from runtime_image.process.engine_http import EngineResponse, json_object
from runtime_image.webui.errors import (
    WebUiError,
    WebUiFailed,
    WebUiOutOfMemory,
    WebUiRefused,
    WebUiUnclear,
)

#: Characters of the Web UI's words that reach the user.
MAX_REASON_LENGTH: Final = 2000

#: Bytes of the Web UI's answer that are kept with the error, for callers that speak its API: a validation error needs
#: 100 for each field.
MAX_KEPT_BODY_BYTES: Final = 4096

#: Exceptions that only a request causes (recorded from A1111 1.10 and Forge): bad base64, zero steps, NaNs. Classes
#: such as TypeError are missing, because a Web UI with a spoiled option raises them for every request.
_REQUEST_EXCEPTIONS: Final = frozenset({"HTTPException", "ZeroDivisionError", "NansException"})
#: Words of exceptions without their own class that the request caused (recorded).
_REQUEST_WORDS: Final = re.compile(
    r"Could not find checkpoint with name|could not find upscaler|model '[^']*+' not found|bad number of images passed"
    r"|Expected 3D \(unbatched\) or 4D|Calculated padded input size|negative dimension"
)
_INTERNAL_ERROR: Final = 500
#: Only torch's own errors speak of the memory; others repeat names that the request chose.
_TORCH_EXCEPTIONS: Final = frozenset({"RuntimeError", "AcceleratorError"})
_MEMORY_WORDS: Final = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
#: Client errors that say nothing about the request: the container's credentials are wrong, the Web UI is overloaded.
_NOT_THE_REQUEST: Final = frozenset({401, 403, 408, 429})


def refusal(answer: EngineResponse) -> WebUiError:
    """Return the error for a response other than 2xx."""
    body = json_object(answer.body)
    exception = str(body.get("error") or "")
    reason = _reason(body) or exception or answer.body[:MAX_REASON_LENGTH].decode(errors="replace")
    text = f"the Web UI answered {answer.status}: {reason[:MAX_REASON_LENGTH]}"
    kind: type[WebUiError] = WebUiUnclear if answer.status == _INTERNAL_ERROR else WebUiFailed
    if exception == "OutOfMemoryError" or (exception in _TORCH_EXCEPTIONS and _MEMORY_WORDS.search(reason)):
        kind = WebUiOutOfMemory
    elif _is_request_fault(answer.status, body, exception, reason):
        kind = WebUiRefused
    # A long body, such as a refusal that repeats the request, would make the record long for ever.
    kept = {"status": answer.status, "body": body} if body and len(answer.body) <= MAX_KEPT_BODY_BYTES else None
    return kind(text, answer=kept)


def _is_request_fault(status: int, body: Mapping[str, Any], exception: str, reason: str) -> bool:
    match status:
        case 404:
            # The bare answer is that of a route that does not exist (yet); a refusal has its own words.
            return reason != "Not Found"
        case _ if 400 <= status < 500:  # noqa: PLR2004 - HTTP's own classes
            return status not in _NOT_THE_REQUEST
        case _ if status == _INTERNAL_ERROR:
            # Forge answers an HTTPException with nothing but its words.
            words_only = not exception and isinstance(body.get("detail"), str)
            return words_only or exception in _REQUEST_EXCEPTIONS or bool(_REQUEST_WORDS.search(reason))
    return False


def _reason(body: Mapping[str, Any]) -> str:
    detail = body.get("detail")
    if isinstance(detail, list):
        return "; ".join(_validation_problem(problem) for problem in detail)
    texts = [text for text in (detail, body.get("errors"), body.get("message")) if isinstance(text, str) and text]
    exception = body.get("error")
    if texts and isinstance(exception, str) and exception not in {"HTTPException", "Exception"}:
        return f"{exception}: {texts[0]}"
    return texts[0] if texts else ""


def _validation_problem(problem: object) -> str:
    match problem:
        case {"loc": list(location), "msg": str(message)}:
            return f"{'.'.join(map(str, location))}: {message}"
    return str(problem)
