"""Preferences: options of one caller, which affect only this caller's pictures, on every replica."""

import json
from collections.abc import Mapping
from typing import Any, Final

from contract.checkpoint import means_model_of
from contract.errors import FieldError
from contract.option_values import PICTURE_OPTIONS, read_options
from contract.routing import FindCheckpoint, Runtime
from contract.storage import webui_options_key
from lambdas.webui_api.refusals import exception, invalid
from task_store.task_bucket import MessageLost, TaskBucket

CHECKPOINT_OPTION: Final = "sd_model_checkpoint"


class Preferences:
    """Options by runtime and key, in the task bucket; of two calls at the same moment, one may be lost."""

    def __init__(self, *, bucket: TaskBucket, find_checkpoint: FindCheckpoint) -> None:
        self._bucket = bucket
        self._find_checkpoint = find_checkpoint

    def read(self, runtime: Runtime, key_name: str) -> dict[str, Any]:
        """Return the options that a caller has set and that tasks may override."""
        try:
            options: dict[str, Any] = json.loads(self._bucket.get(webui_options_key(runtime.name, key_name)))
        except MessageLost:
            return {}
        return {name: value for name, value in options.items() if name in PICTURE_OPTIONS}

    def set(self, runtime: Runtime, key_name: str, values: Mapping[str, Any], *, shown: Mapping[str, Any]) -> None:
        """Add options to those that a caller has set; `shown` are the Web UI's own. Raises WebUiRefusal."""
        values = check_options(values, shown)
        if (name := values.get(CHECKPOINT_OPTION)) is not None:
            self._check_checkpoint(str(name), runtime)
        if values:
            options = self.read(runtime, key_name) | dict(values)
            self._bucket.put(webui_options_key(runtime.name, key_name), json.dumps(options))

    def _check_checkpoint(self, name: str, runtime: Runtime) -> None:
        if runtime.model_filename:
            if means_model_of(runtime, name, self._find_checkpoint):
                return
            reason = f"runtime {runtime.name} serves {runtime.model_filename} only"
        elif self._find_checkpoint(name):
            return
        else:
            reason = f"it is not in the model bucket of runtime {runtime.name}"
        raise exception("RuntimeError", f"model {name[:200]!r} not found: {reason}")


def check_options(values: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return a caller's options as the Web UI should read them.

    Raises WebUiRefusal for an unknown option, as the Web UI does, and for one that callers may not set.
    """
    for name in values:
        if name not in shown:
            raise exception("KeyError", repr(name[:200]))
    problems: list[FieldError] = []
    read = read_options(values, "body", problems)
    for problem in problems:
        raise invalid(problem.field.split("."), problem.message, problem.code)
    return read


def with_preferences(payload: Mapping[str, Any], preferences: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a generation with a caller's options; options in the body have precedence."""
    overrides = payload.get("override_settings")
    if not preferences or not isinstance(overrides, dict | None):
        return dict(payload)
    return {**payload, "override_settings": {**preferences, **(overrides or {})}}
