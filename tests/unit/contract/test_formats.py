"""Paths of fields as their senders wrote them, in errors that a replica found."""

from contract.errors import FieldError, InvalidTask
from contract.formats import Format, original_error


def test_errors_of_a_replica_name_fields_as_the_sender_wrote_them() -> None:
    found = InvalidTask([FieldError("task.content.payload.sampler_name", "is unknown", "unknown_sampler")]).as_dict()
    assert original_error(found, Format.V1ALPHA2) == found
    assert original_error(found, Format.RUNPOD) == {
        "code": "unknown_sampler",
        "message": "input.payload.sampler_name: is unknown",
        "details": [{"field": "input.payload.sampler_name", "message": "is unknown"}],
    }
    again = original_error(original_error(found, Format.RUNPOD), Format.RUNPOD)
    assert again["message"] == "input.payload.sampler_name: is unknown"


def test_an_error_without_fields_stays() -> None:
    error = {"code": "webui_failed", "message": "task.content is fine"}
    assert original_error(error, Format.V1ALPHA1) == error
