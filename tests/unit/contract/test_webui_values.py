import pytest

from contract.errors import FieldError
from contract.webui_values import MAX_DIGITS, Reader, boolean, listed, number, read_fields, text, whole


def values(*items: object) -> tuple[object, ...]:
    return items


#: What pydantic 1.10 returns for a field of each type; None: it refuses the value.
READ_BY_PYDANTIC_1: list[tuple[Reader, object, object]] = [
    *((boolean, value, True) for value in values(True, 1, 1.0, "1", "on", "t", "True", "TRUE", "y", "yes")),
    *((boolean, value, False) for value in values(False, 0, 0.0, "0", "off", "f", "False", "n", "NO")),
    *((boolean, value, None) for value in values(2, -1, "", " true", "maybe", [], {}, ["true"])),
    *((whole(), value, 512) for value in values(512, 512.0, 512.9, "512", " 512\n", "+512", "5_1_2", "٥١٢")),
    *((whole(), value, None) for value in values("512.0", "1e3", "", "many", [], {}, ["1"])),
    (whole(), True, 1),
    (whole(), "-7", -7),
    *((number(), value, 7.5) for value in values(7.5, "7.5", " 75e-1 ")),
    *((number(), value, None) for value in values("", "seven", "0x7", [], {})),
    (number(), True, 1.0),
    (text(9), "word", "word"),
    (text(9), 7.5, "7.5"),
    *((text(9), value, None) for value in values([], {"a": "b"})),
    (listed(text(9), 9), ["a", 1], ["a", "1"]),
    *((listed(text(9), 9), value, None) for value in values("a", {"a": 1}, [[]], 5)),
]


@pytest.mark.parametrize(("reader", "value", "read"), READ_BY_PYDANTIC_1)
def test_values_are_read_as_the_web_ui_reads_them(reader: Reader, value: object, read: object) -> None:
    errors: list[FieldError] = []
    found = reader(value, "field", errors)
    if read is None:
        assert errors
        assert all(error.field.startswith("field") and "must be" in error.message for error in errors)
    else:
        assert (found, type(found), errors) == (read, type(read), [])


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (number(), "nan"),
        (number(), "-inf"),
        (number(), 10**400),
        (whole(), 1e300),
        (whole(), 2**63),
        (whole(), "9" * MAX_DIGITS),
        (whole(), "9" * 100_000),
        (whole(0, 256), 257),
        (whole(0, 256), "-1"),
        (text(9), "x" * 10),
        (listed(text(9), 2), ["a", "b", "c"]),
    ],
)
def test_what_would_break_the_web_ui_is_refused_in_a_short_message(reader: Reader, value: object) -> None:
    errors: list[FieldError] = []
    reader(value, "field", errors)
    (error,) = errors
    assert error.field == "field"
    assert len(error.message) < 120


def test_the_fields_of_a_body_are_read_and_null_means_the_default() -> None:
    errors: list[FieldError] = []
    body = {"enable_hr": "False", "steps": None, "width": "wide", "unknown": "False"}
    readers = {"enable_hr": boolean, "steps": whole(), "width": whole()}
    assert read_fields(body, readers, "task.content", errors) == {"enable_hr": False, "width": 0, "unknown": "False"}
    assert [error.field for error in errors] == ["task.content.width"]
