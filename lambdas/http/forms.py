"""Forms of the type multipart/form-data, in which programs send pictures next to their other fields."""

from collections import defaultdict
from typing import Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from contract.errors import FieldError, InvalidTask

MULTIPART: Final = "multipart/form-data"
#: Fields and files of one form.
MAX_PARTS: Final = 64
#: Bytes of a field that is no file.
MAX_FIELD_BYTES: Final = 128 * 1024


class Form(NamedTuple):
    """Texts and files of a form, each by its name in their order."""

    texts: dict[str, list[str]]
    files: dict[str, list[bytes]]


def is_form(content_type: str) -> bool:
    """Return True if a body of this type is a form with files."""
    return content_type.partition(";")[0].strip().lower() == MULTIPART


def parse_form(body: str | bytes, content_type: str) -> Form:
    """Return the parts of a form; raises InvalidTask if it is cut off, too large, or not UTF-8."""
    data = body if isinstance(body, bytes) else body.encode()
    reader = _FormReader()
    kind, options = parse_options_header(content_type)
    # The whole body is in memory already, so no file need go to the disk.
    limits = {"MAX_MEMORY_FILE_SIZE": len(data) + 1}
    try:
        parser = FormParser(
            kind.decode(), reader.add_text, reader.add_file, reader.end, options.get(b"boundary"), config=limits
        )
        parser.write(data)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise _unreadable(str(error)) from None
    if not reader.is_complete:
        raise _unreadable("its end is missing")
    return reader.form


class _FormReader:
    """Collects the parts of one form."""

    def __init__(self) -> None:
        self.form = Form(defaultdict(list), defaultdict(list))
        self.is_complete = False
        self._parts = 0

    def add_text(self, field: Field) -> None:
        self._count()
        value = field.value or b""
        if len(value) > MAX_FIELD_BYTES:
            problem = f"has {len(value)} bytes; a field of a form may have {MAX_FIELD_BYTES}"
            raise InvalidTask([FieldError(_name(field.field_name), problem, "limit_exceeded")])
        self.form.texts[_name(field.field_name)].append(value.decode())

    def add_file(self, file: File) -> None:
        self._count()
        file.file_object.seek(0)
        self.form.files[_name(file.field_name)].append(file.file_object.read())

    def end(self) -> None:
        self.is_complete = True

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise FormParserError(f"it has more than {MAX_PARTS} parts")


def _unreadable(reason: str) -> InvalidTask:
    return InvalidTask([FieldError("body", f"is a form that cannot be read: {reason}")])


def _name(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
