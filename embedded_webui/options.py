"""The settings of the Web UI, with its habits: only values that were set explicitly are restored after a request."""

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic import ValidationError as InvalidValue

from embedded_webui.validation import first_version_of

#: Options that the API may name but not change: where the Web UI writes and what it runs.
_RESTRICTED_PREFIXES: Final = ("outdir_",)
_RESTRICTED: Final = frozenset({"samples_filename_pattern", "directories_filename_pattern", "temp_dir", "font"})
_ADAPTERS: Final[Mapping[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in (bool, float, str, list, dict)}


class ValidationError(Exception):
    """Raised when an option holds a value that its type does not allow; the API calls it by this name."""


def read_defaults() -> dict[str, Any]:
    """Return the options of v1.10.1 with their defaults."""
    text = resources.files(__package__).joinpath("data/options.json").read_text(encoding="utf-8")
    defaults: dict[str, Any] = json.loads(text)
    return defaults


class Options:
    """What requests set over `defaults`. Values are not checked when they are set, as the Web UI does not either.

    Args:
        defaults: All options with their defaults.
        file: Where `save` writes what was set; what it holds already is set from the start.
    """

    def __init__(self, defaults: Mapping[str, Any], file: Path | None = None) -> None:
        self._defaults = defaults
        self._file = file
        self._explicit: dict[str, Any] = {}
        if file and file.exists():
            self._explicit = json.loads(file.read_text(encoding="utf-8"))

    def __getitem__(self, name: str) -> Any:
        return self._explicit.get(name, self._defaults[name])

    def assign(self, name: str, value: object) -> None:
        """Set an option without any question: for what the Web UI itself knows."""
        self._explicit[name] = value

    def set(self, name: str, value: object, *, on_change: Callable[[], None] | None = None) -> None:
        """Set an option as the API does: an unknown one is a `KeyError`, a restricted one is ignored.

        `on_change` runs after the change; when it fails the option gets its old value back, silently.
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
            except Exception:  # noqa: BLE001 - the Web UI answers 200 whatever a switch of checkpoint ends with
                self._explicit.pop(name)
                self._explicit.update(before)

    def remember(self, names: Iterable[str]) -> dict[str, Any]:
        """Return those of the options that can be restored: the ones that were set explicitly before."""
        return {name: self._explicit[name] for name in names if name in self._explicit}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Set options back to what `remember` returned."""
        self._explicit.update(remembered)

    def save(self) -> None:
        """Write what is set to the file, also what a request has left behind."""
        if self._file:
            self._file.write_text(json.dumps(self._explicit, indent=4), encoding="utf-8")

    def answer(self) -> dict[str, Any]:
        """Return all options, or raise `ValidationError` when one of them holds what its type does not allow."""
        answer, problems = {}, []
        for name, default in self._defaults.items():
            answer[name] = self[name]
            if name not in self._explicit or not default or answer[name] is None:
                continue
            # The Web UI takes whole numbers for fractions, because its sliders give those.
            kind = float if isinstance(default, int) and not isinstance(default, bool) else type(default)
            try:
                answer[name] = _ADAPTERS[kind].validate_python(answer[name])
            except InvalidValue as error:
                message, error_type = first_version_of(error.errors()[0])
                problems.append(f"response -> {name}\n  {message} (type={error_type})")
        if problems:
            count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''}"
            raise ValidationError("\n".join([f"{count} for Options", *problems]))
        return answer
