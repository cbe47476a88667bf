"""Options of the Web UI, with its habit that only explicitly set values are restored after a request."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic import ValidationError as InvalidValue

from embedded_webui.lists import read_data
from embedded_webui.pydantic_v1 import first_version_of

#: Options that the API may name but not change, because they decide where the Web UI writes.
_RESTRICTED_PREFIXES: Final = ("outdir_",)
_RESTRICTED: Final = frozenset({"samples_filename_pattern", "directories_filename_pattern", "temp_dir", "font"})
_ADAPTERS: Final[Mapping[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in (bool, float, str, list, dict)}


class ValidationError(Exception):
    """Raised when an option holds a value that its type does not allow; the API shows this name."""


class WebUiOptions:
    """Explicitly set values over `defaults`, those of v1.10.1. Like the Web UI, setting a value does not check it.

    `save` writes the set values to `file`, and its present content is set from the start.
    """

    def __init__(self, *, defaults: Mapping[str, Any] | None = None, file: Path | None = None) -> None:
        self._defaults = read_data("options") if defaults is None else defaults
        self._file = file
        self._explicit: dict[str, Any] = {}
        if file and file.exists():
            self._explicit = json.loads(file.read_text(encoding="utf-8"))

    def __getitem__(self, name: str) -> Any:
        return self._explicit.get(name, self._defaults[name])

    def assign(self, name: str, value: object) -> None:
        """Set an option without checks, for values of the Web UI itself."""
        self._explicit[name] = value

    def set(self, name: str, value: object, *, on_change: Callable[[], None] | None = None) -> None:
        """Set an option for the API: an unknown one raises `KeyError`, a restricted one is ignored.

        `on_change` runs after the change. If it fails, the option silently returns to its old value.
        """
        before = self.remember([name])
        if self._explicit.get(name) == value:
            return
        if name not in self._defaults:
            raise KeyError(name)
        if name in _RESTRICTED or name.startswith(_RESTRICTED_PREFIXES):
            return
        self._explicit[name] = value
        if on_change:
            try:
                on_change()
            except Exception:  # noqa: BLE001 - the Web UI answers 200 even if a checkpoint does not load
                self._explicit.pop(name)
                self._explicit.update(before)

    def remember(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the options that can be restored: those that were set explicitly before."""
        return {name: self._explicit[name] for name in names if name in self._explicit}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Set options back to the values that `remember` returned."""
        self._explicit.update(remembered)

    def save(self) -> None:
        """Write the set values to the file, including those that a request left behind."""
        if self._file:
            self._file.write_text(json.dumps(self._explicit, indent=4), encoding="utf-8")

    def answer(self) -> dict[str, Any]:
        """Return all options, or raise `ValidationError` for a value that its type does not allow."""
        values, problems = {}, []
        for name, default in self._defaults.items():
            values[name] = self[name]
            if name not in self._explicit or not default or values[name] is None:
                continue
            # The Web UI declares whole numbers as fractions, because its sliders return those.
            kind = float if isinstance(default, int) and not isinstance(default, bool) else type(default)
            try:
                values[name] = _ADAPTERS[kind].validate_python(values[name])
            except InvalidValue as error:
                message, error_type = first_version_of(error.errors()[0])
                problems.append(f"response -> {name}\n  {message} (type={error_type})")
        if problems:
            count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''}"
            raise ValidationError("\n".join([f"{count} for Options", *problems]))
        return values
