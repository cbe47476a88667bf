"""Check of the workflow of a pipeline at the edge, where the model bucket and the keys of its runtime are known."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from contract.encoded_picture import plain_base64
from contract.errors import FieldError
from contract.model_folders import comfyui_folders
from contract.picture_formats import UnusablePicture
from contract.pipeline.graph_check import check_graph
from contract.pipeline.graph_inputs import (
    SHARED_INPUTS_FOLDER,
    FileInput,
    ModelInput,
    file_inputs,
    is_file_name,
    model_inputs,
)
from contract.pipeline.node_list import NodeList
from contract.pipeline.node_rules import NodeRules
from contract.routing import Runtime
from contract.upload import MAX_LINKS
from contract.webui_values import begins_as_link

#: Returns True if the model bucket has an object with this key.
HasObject = Callable[[str], bool]
#: Models that a workflow may name. Each is looked up in the model bucket.
MAX_MODELS: Final = 50
#: Characters of a value that an error shows.
_MAX_SHOWN: Final = 200


def check_workflow(
    content: Mapping[str, Any], *, runtime: Runtime, nodes: NodeList, has_object: HasObject
) -> list[FieldError]:
    """Return every mistake of a workflow that is sent to a runtime."""
    rules = NodeRules(
        allowed_nodes=runtime.allowed_nodes, disallowed_nodes=runtime.disallowed_nodes, api_nodes=runtime.api_nodes
    )
    errors = check_graph(content, nodes=nodes, limits=runtime.limits, rules=rules)
    files = list(file_inputs(content, nodes))
    if sum(not each.is_data for each in files) > MAX_LINKS:
        message = f"reads more than {MAX_LINKS} files by link or by name, the most of one task"
        return [*errors, FieldError("task.content", message, "limit_exceeded")]
    models = list(model_inputs(content, nodes))
    if len({each.value for each in models if isinstance(each.value, str)}) > MAX_MODELS:
        message = f"names more than {MAX_MODELS} models; write a smaller workflow"
        return [*errors, FieldError("task.content", message, "limit_exceeded")]
    # A thousand nodes may name one model.
    is_there = cache(has_object)
    errors += [error for each in files if (error := check_file_input(each, is_there))]
    return errors + [error for each in models if (error := _check_model(each, is_there))]


def check_file_input(given: FileInput, has_object: HasObject) -> FieldError | None:
    """Return the error of an input that reads no file of the task; `has_object` knows the shared ones."""
    value = given.value
    if given.is_link:
        return None
    if given.is_data:
        try:
            plain_base64(str(value))
        except UnusablePicture as error:
            return FieldError(given.path(), f"is a data: URI, but {error.message}", "unknown_input")
        return None
    if isinstance(value, str) and is_file_name(value) and has_object(f"{SHARED_INPUTS_FOLDER}/{value}"):
        return None
    shown = repr(value)[:_MAX_SHOWN]
    message = (
        f"is {shown}, no file of this task; write a link, a data: URI, or the name of a file in"
        f" {SHARED_INPUTS_FOLDER}/ of the model bucket"
    )
    return FieldError(given.path(), message, "unknown_input")


def _check_model(given: ModelInput, has_object: HasObject) -> FieldError | None:
    value = given.value
    if not isinstance(value, str):
        message = f"must be the name of a model, not {value!r:.{_MAX_SHOWN}}"
    elif begins_as_link(value):
        message = "is a link, and models come from the model bucket; bring it there with `darkroom models import`"
    elif "\\" in value:
        message = f"is {value[:_MAX_SHOWN]!r}; write `/` between folders"
    elif any(map(has_object, given.keys)):
        return None
    else:
        message = (
            f"there is no model {value[:_MAX_SHOWN]!r} in {comfyui_folders(given.folders[0])[0]}/ of the model bucket;"
            " bring it there with `darkroom models push`"
        )
    return FieldError(given.path(), message, "unknown_model")
