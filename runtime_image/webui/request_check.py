"""Check of a request's names and options before it goes to the Web UI; its results are kept in the request."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from contract.checkpoint import checkpoint_field
from contract.content import check_cost
from contract.errors import FieldError, InvalidTask
from contract.option_values import option_problems
from contract.routing import Limits
from contract.runpod import sampler_field
from contract.work import Sizes
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.kinds import CHECKPOINT
from runtime_image.webui.names.referenced import Named, names_in
from runtime_image.webui.names.validation import check_names
from runtime_image.webui.options import CHECKPOINT_OPTION, READ_AFTER_THE_LOCK, OptionOverrides
from runtime_image.webui.request import OPTIONS_PATH, WebUiRequest


class RequestCheck:
    """Runs in workers' threads, and asks the Web UI nothing if a request neither names nor overrides anything."""

    def __init__(
        self, *, names: NameCatalog, options: OptionOverrides, allowed_options: Collection[str], limits: Limits
    ) -> None:
        self._limits = limits
        self._names = names
        self._options = options
        self._allowed_options = allowed_options

    def check(
        self,
        request: WebUiRequest,
        body: Mapping[str, Any],
        field: str,
        *,
        checkpoint: str | None,
        timeout_seconds: float,
    ) -> WebUiRequest:
        """Return the request with what the Web UI's lists and options say of it.

        Args:
            request: The call.
            body: Its body; its values may still be links.
            field: Path of the body.
            checkpoint: The checkpoint that must be loaded for it and is not, if any.
            timeout_seconds: For the Web UI to look at its folders again.

        Raises:
            InvalidTask: if it names what there is not, or sets options that it must not set so.
            WebUiFailed: if the Web UI does not answer as it should.
        """
        if request.path == OPTIONS_PATH and request.method == "POST":
            self._check_options(body, field)
        named = list(names_in(request.path, body, field))
        if any(one.kind is CHECKPOINT for one in named):
            request = replace(request, loads_checkpoints=True)
        if checkpoint is not None:
            named.append(Named(CHECKPOINT, checkpoint, checkpoint_field(field)))
        found = check_names(named, self._names, timeout_seconds=timeout_seconds) if named else {}
        if not request.generates:
            return request
        # A script may choose its own samplers.
        sampler_name = None if body.get("script_name") else found.get(f"{field}.{sampler_field(body)}")
        return self._with_overrides(replace(request, sampler_name=sampler_name), body, field)

    def check_cost(self, request: WebUiRequest, body: Mapping[str, Any], field: str, sizes: Sizes) -> None:
        """Raise InvalidTask if a body with pictures of these sizes asks for more than the runtime allows."""
        # Without pictures the edge has computed the same.
        if errors := check_cost(request.path.removeprefix("/"), body, self._limits, field, sizes) if sizes else []:
            raise InvalidTask(errors)

    def _with_overrides(self, request: WebUiRequest, body: Mapping[str, Any], field: str) -> WebUiRequest:
        overrides = body.get("override_settings")
        if not isinstance(overrides, Mapping) or not overrides:
            return request
        shown = self._options.shown()
        if problems := option_problems(overrides, shown, f"{field}.override_settings"):
            raise InvalidTask(problems)
        # The Web UI records the loaded checkpoint explicitly.
        keys = frozenset(overrides) - {CHECKPOINT_OPTION}
        unset = {key for key in keys if shown[key] is None}
        if keys & READ_AFTER_THE_LOCK or unset:
            return replace(request, is_exclusive=True, left_options=frozenset(overrides))
        return replace(request, overridden_options=keys)

    def _check_options(self, body: Mapping[str, Any], field: str) -> None:
        allowed = ", ".join(sorted(self._allowed_options)) or "none"
        forbidden = [
            FieldError(f"{field}.{key[:100]}", f"would change the service for others; options to set: {allowed}")
            for key in body
            if key not in self._allowed_options
        ]
        if problems := forbidden[:10] or option_problems(body, self._options.shown(), field):
            raise InvalidTask(problems)
