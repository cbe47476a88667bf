"""Validation of a prompt with ComfyUI's own errors, and with what it lets through."""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from embedded_comfyui.catalogue import NodeDefinition
from embedded_comfyui.folders import ComfyFolders, OutsideFolder

Graph = dict[str, Any]
_ANY_TYPE: Final = "*"
LINK_LENGTH: Final = 2
#: Choices that a message lists.
_LISTED_CHOICES: Final = 20
_CONVERSIONS: Final[Mapping[str, Callable[[Any], object]]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}
_FAILED: Final = "prompt_outputs_failed_validation"


@dataclass(kw_only=True)
class ValidatedPrompt:
    """What became of a prompt: the outputs that run, or the error of a 400."""

    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: dict[str, Any] | None = None


def error_body(kind: str, message: str, details: str = "", extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an error in the shape that all of ComfyUI's have."""
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


class PromptValidation:
    """Checks one prompt: the classes of all nodes, and the inputs of those that an output needs, each once.

    A value that converts to the type of its input is replaced in the prompt, as in ComfyUI.
    """

    def __init__(self, prompt: Graph, catalogue: Mapping[str, NodeDefinition], folders: ComfyFolders) -> None:
        self._prompt, self._catalogue, self._folders = prompt, catalogue, folders
        self._valid: dict[str, bool] = {}
        self._visiting: list[str] = []
        #: Errors by the id of their node.
        self._errors: dict[str, list[dict[str, Any]]] = {}

    def run(self, targets: Iterable[str] | None) -> ValidatedPrompt:
        """Return the outputs to run, of which `targets` are the wanted ones, None for all. Raises for other shapes."""
        for node in self._prompt.values():
            # ComfyUI's replacement of old classes visits the inputs of every node that has some.
            if "class_type" in node and "inputs" in node:
                node["inputs"].items()
        outputs = []
        for node_id, node in self._prompt.items():
            kind = node.get("class_type")
            if kind not in self._catalogue:
                return ValidatedPrompt(error=_missing_class(node_id, node, kind))
            if self._catalogue[kind].is_output and (targets is None or node_id in targets):
                outputs.append(node_id)
        if not outputs:
            return ValidatedPrompt(error=error_body("prompt_no_outputs", "Prompt has no outputs"))
        result, details = ValidatedPrompt(), []
        for output in outputs:
            try:
                if self._is_valid(output):
                    result.outputs.append(output)
                    continue
            except Exception as error:  # noqa: BLE001 - ComfyUI answers with whatever its validation raised
                message = "Exception when validating node"
                details.append(f"{message}: {error}")
                self._errors[output] = [
                    error_body("exception_during_validation", message, str(error), _exception(error))
                ]
            for node_id, errors in self._errors.items():
                entry = {"errors": errors, "dependent_outputs": [], "class_type": self._prompt[node_id]["class_type"]}
                result.node_errors.setdefault(node_id, entry)["dependent_outputs"].append(output)
        if not result.outputs:
            result.error = error_body(_FAILED, "Prompt outputs failed validation", "\n".join(details))
        return result

    def _is_valid(self, node_id: str) -> bool:
        """Return True if the node and all that it needs are valid."""
        if node_id in self._valid:
            return self._valid[node_id]
        if node_id in self._visiting:
            self._record_cycle(self._visiting[self._visiting.index(node_id) :])
            return False
        self._visiting.append(node_id)
        try:
            node_class = self._catalogue[self._prompt[node_id]["class_type"]]
            inputs, errors, depends_on_valid = self._prompt[node_id]["inputs"], [], True
            for name, is_required, specification in node_class.inputs():
                if name not in inputs:
                    if is_required:
                        errors.append(
                            error_body("required_input_missing", "Required input is missing", name, _of(name))
                        )
                elif isinstance(inputs[name], list):
                    error, is_linked_valid = self._check_link(name, inputs[name], specification)
                    errors += error
                    depends_on_valid &= is_linked_valid
                else:
                    errors += self._check_value(inputs, name, specification)
            if errors:
                self._errors.setdefault(node_id, []).extend(errors)
            self._valid[node_id] = depends_on_valid and node_id not in self._errors
        finally:
            self._visiting.pop()
        return self._valid[node_id]

    def _check_link(self, name: str, link: list[Any], specification: list[Any]) -> tuple[list[dict[str, Any]], bool]:
        context = {"input_name": name, "input_config": _pair(specification)}
        if len(link) != LINK_LENGTH:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return [error_body("bad_linked_input", message, name, context | {"received_value": link})], True
        source, slot = link
        received = tuple(self._catalogue[self._prompt[source]["class_type"]].outputs)[slot]
        wanted = specification[0]
        if _ANY_TYPE not in {received, wanted} and received != wanted:
            details = f"{name}, received_type({received}) mismatch input_type({wanted})"
            context |= {"received_type": received, "linked_node": link}
            return [
                error_body("return_type_mismatch", "Return type mismatch between linked nodes", details, context)
            ], True
        try:
            return [], self._is_valid(source)
        except Exception as error:  # noqa: BLE001 - see run
            context |= {"exception_message": str(error), **_exception(error), "linked_node": link}
            message = "Exception when validating inner node"
            self._errors[source] = [error_body("exception_during_inner_validation", message, str(error), context)]
            self._valid[source] = False
            return [], False

    def _check_value(self, inputs: dict[str, Any], name: str, specification: list[Any]) -> list[dict[str, Any]]:
        kind, options = _pair(specification)
        if options.get("image_upload"):
            return self._check_file(name, inputs[name])
        context = {"input_name": name, "input_config": [kind, options], "received_value": inputs[name]}
        if isinstance(kind, str) and kind in _CONVERSIONS:
            try:
                context["received_value"] = inputs[name] = _CONVERSIONS[kind](inputs[name])
            except (ValueError, TypeError, OverflowError) as error:
                message = f"Failed to convert an input value to a {kind} value"
                details = f"{name}, {inputs[name]}, {error}"
                return [error_body("invalid_input_type", message, details, context | {"exception_message": str(error)})]
            return _check_limits(inputs[name], name, options, context)
        choices = options.get("options") if kind == "COMBO" else kind
        if isinstance(choices, list) and inputs[name] not in choices:
            is_long = len(choices) > _LISTED_CHOICES
            listed = f"(list of length {len(choices)})" if is_long else str(choices)
            if is_long:
                context["input_config"] = None
            details = f"{name}: '{inputs[name]}' not in {listed}"
            return [error_body("value_not_in_list", "Value not in list", details, context)]
        return []

    def _check_file(self, name: str, value: str) -> list[dict[str, Any]]:
        try:
            is_file = self._folders.annotated(value).is_file()
        except (OutsideFolder, ValueError):
            is_file = False
        details = f"{name} - Invalid image file: {value}"
        error = error_body("custom_validation_failed", "Custom validation failed for node", details, _of(name))
        return [] if is_file else [error]

    def _record_cycle(self, cycle: list[str]) -> None:
        path = " -> ".join(f"{node} ({self._prompt[node]['class_type']})" for node in [*cycle, cycle[0]])
        for node in cycle:
            extra = {"node_id": node, "cycle_nodes": cycle}
            self._errors[node] = [error_body("dependency_cycle", "Dependency cycle detected", path, extra)]


def _check_limits(
    value: Any, name: str, options: Mapping[str, Any], context: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return [error_body("value_smaller_than_min", message, name, context)]
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return [error_body("value_bigger_than_max", message, name, context)]
    return []


def _pair(specification: list[Any]) -> list[Any]:
    """Return the specification of an input with its options, which may be left out."""
    return [specification[0], specification[1] if len(specification) > 1 else {}]


def _exception(error: Exception) -> dict[str, Any]:
    return {"exception_type": type(error).__name__, "traceback": traceback.format_tb(error.__traceback__)}


def _of(name: str) -> dict[str, str]:
    return {"input_name": name}


def _missing_class(node_id: str, node: dict[str, Any], kind: str | None) -> dict[str, Any]:
    title = node.get("_meta", {}).get("title") or kind
    if kind is None:
        message = f"Node '{title}' has no class_type. The workflow may be corrupted or a custom node is missing."
    else:
        message = f"Node '{title}' not found. The custom node may not be installed."
    extra = {"node_id": node_id, "class_type": kind, "node_title": title}
    return error_body("missing_node_type", message, f"Node ID '#{node_id}'", extra)
