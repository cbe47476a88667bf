"""Checks of a workflow: each mistake is named with its node and input, and all of them at once."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import FieldError
from contract.pipeline.graph import graph_of, link_of, nodes_of
from contract.pipeline.graph_check import MAX_CYCLES, MAX_EMBEDDINGS, MAX_NODES, check_graph
from contract.pipeline.node_list import core_nodes
from contract.pipeline.node_rules import NodeRules
from contract.pipeline.workflow_check import MAX_MODELS, check_workflow
from contract.routing import Limits, Runtime
from contract.upload import MAX_LINKS
from tests.harness.workflows import documented_workflow

Workflow = dict[str, Any]
RUNTIME = Runtime(name="comfyui", type="comfyui", limits=Limits(width=1024, steps=50, length=100))
IN_BUCKET = {"Stable-diffusion/sd_xl_turbo_1.0.safetensors", "loras/style/ink.safetensors", "inputs/poses/sitting.png"}
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def found(workflow: Workflow, runtime: Runtime = RUNTIME) -> dict[str, FieldError]:
    errors = check_workflow(workflow, runtime=runtime, nodes=core_nodes(), has_object=lambda key: key in IN_BUCKET)
    return {error.field.removeprefix("task.content").removeprefix("."): error for error in errors}


def messages(workflow: Workflow) -> dict[str, str]:
    return {field: error.message for field, error in found(workflow).items()}


def with_input(node: str, **inputs: Any) -> Workflow:
    workflow = documented_workflow()
    workflow[node]["inputs"] |= inputs
    return workflow


def with_node(class_type: str, **inputs: Any) -> Workflow:
    return documented_workflow() | {"20": {"class_type": class_type, "inputs": inputs}}


def test_the_documented_workflow_has_no_mistake() -> None:
    assert found(documented_workflow()) == {}


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        ({}, "has no nodes"),
        ({"nodes": [], "links": []}, "is in ComfyUI's save format; export it with Workflow > Export (API)"),
        ({"prompt": documented_workflow()}, "is the workflow itself; write the nodes without 'prompt' around them"),
        ({"workflow": documented_workflow()}, "is the workflow itself; write the nodes without 'workflow'"),
        ({str(number): {} for number in range(MAX_NODES + 1)}, "has 1001 nodes; 1000 are accepted"),
    ],
)
def test_what_is_no_graph_is_told_so(workflow: Workflow, message: str) -> None:
    (error,) = found(workflow).values()
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("node", "field", "message"),
    [
        (5, "20", "must be a node, an object with class_type and inputs, not a number"),
        ({"inputs": {}}, "20.class_type", "is required: the class of the node, a text, not null"),
        ({"class_type": 5, "inputs": {}}, "20.class_type", "is required: the class of the node, a text, not a number"),
        ({"class_type": "VAEDecode"}, "20.inputs", "is required: an object, {} for a node without inputs, not null"),
        ({"class_type": "VAEDecode", "inputs": []}, "20.inputs", "is required: an object"),
        ({"class_type": "APG", "inputs": {}, "_meta": "x"}, "20._meta", "must be an object, not a string"),
        ({"class_type": "APG", "inputs": {"a": [{"b": "\0"}]}}, "20.inputs.a", "has a NUL character in a text"),
    ],
)
def test_a_node_has_a_class_and_inputs(node: object, field: str, message: str) -> None:
    assert messages(documented_workflow() | {"20": node})[field].startswith(message)


def test_values_are_nested_64_levels_at_most() -> None:
    value: Any = "x"
    for _ in range(70):
        value = [value]
    assert messages(with_input("6", extra=value)) == {"6.inputs.extra": "is nested more than 64 levels deep"}


@pytest.mark.parametrize("node_id", ["", "a\nb", "x" * 201])
def test_the_id_of_a_node_is_printable_text(node_id: str) -> None:
    node = {"class_type": "APG", "inputs": {}}
    assert messages(documented_workflow() | {node_id: node})[node_id[:200]].startswith("a node's id has 1 to 200")


@pytest.mark.parametrize(
    ("link", "message"),
    [
        (["40", 0], "links to node '40', which the workflow does not have"),
        (["4", 3], "links to output 3 of node '4'; CheckpointLoaderSimple has 3, counted from 0"),
        (["4", -1], "links to output -1; write a whole number from 0"),
        (["4", 0.5], "links to output 0.5; write a whole number from 0"),
        (["4", True], "links to output True; write a whole number from 0"),
    ],
)
def test_a_link_leads_to_an_output_of_a_node(link: list[Any], message: str) -> None:
    assert messages(with_input("3", model=link)) == {"3.inputs.model": message}


def test_a_list_of_another_form_is_a_value_and_left_to_comfyui() -> None:
    assert found(with_input("6", extra=["4", "x"], more=[1, 2], third=["4", 0, 1])) == {}


@pytest.mark.parametrize("link", [["nothing", 0], ["3", 0], ["4", 0.5]])
def test_a_link_is_not_hidden_in_a_value(link: list[Any]) -> None:
    message = "wraps a list that ComfyUI reads as a link; write the link without __value__"
    assert messages(with_input("3", model={"__value__": link})) == {"3.inputs.model": message}
    assert found(with_input("6", extra={"__value__": ["a", "b"]}, more={"__value__": [1, 2]})) == {}


def test_a_cycle_is_named_by_the_link_that_closes_it() -> None:
    assert messages(with_input("5", width=["9", 0])) == {
        "8.inputs.samples": "closes a cycle of nodes: 3 → 5 → 9 → 8 → 3"
    }
    itself = messages(with_input("6", text=["6", 0]))
    assert itself["6.inputs.text"] == "closes a cycle of nodes: 6 → 6"


def test_a_long_chain_of_nodes_is_no_problem() -> None:
    chain: Workflow = {"0": {"class_type": "APG", "inputs": {}}}
    chain |= {str(n): {"class_type": "APG", "inputs": {"model": [str(n - 1), 0]}} for n in range(1, 990)}
    chain["last"] = {"class_type": "SaveImage", "inputs": {"images": ["989", 0], "filename_prefix": "x"}}
    assert found(chain) == {}
    chain["0"]["inputs"]["model"] = ["989", 0]
    (error,) = found(chain).values()
    assert error.message.startswith("closes a cycle of nodes: ")
    assert error.message.count("→") == 9


def test_of_many_cycles_the_first_are_named() -> None:
    loops = {str(n): [str(n % 30), 0] for n in range(500)}
    workflow = {str(n): {"class_type": "APG", "inputs": loops} for n in range(30)}
    assert sum("closes a cycle" in message for message in messages(workflow).values()) == MAX_CYCLES


def test_an_unknown_class_is_refused_with_similar_names() -> None:
    workflow = documented_workflow()
    workflow["3"]["class_type"] = "KSamplr"
    errors = found(workflow)
    assert errors["3.class_type"].code == "unknown_node"
    assert "has no node 'KSamplr'; did you mean 'KSampler'" in errors["3.class_type"].message
    workflow |= {f"x{n}": {"class_type": f"Nothing {n}", "inputs": {}} for n in range(900)}
    assert len(found(workflow)) == 901


def test_required_inputs_are_there() -> None:
    workflow = documented_workflow()
    del workflow["3"]["inputs"]["steps"], workflow["9"]["inputs"]["images"]
    assert messages(workflow) == {
        "3.inputs.steps": "is required by KSampler",
        "9.inputs.images": "is required by SaveImage",
    }


def test_a_workflow_stores_a_result() -> None:
    workflow = documented_workflow()
    del workflow["9"]
    assert found(workflow)[""].code == "no_output_node"


@pytest.mark.parametrize(
    ("class_type", "reason"),
    [
        ("GeminiNode", "calls comfy.org's services; the runtime needs apiNodes: true"),
        ("CheckpointSave", "writes models or data sets of gigabytes; the runtime needs it in `allowedNodes`"),
        ("LoadImageTextDataSetFromFolder", "reads folders that all tasks share"),
        ("LoadImageOutput", "reads folders that all tasks share"),
        ("WebcamCapture", "needs a camera"),
    ],
)
def test_some_classes_are_refused_by_default(class_type: str, reason: str) -> None:
    error = found(with_node(class_type))["20.class_type"]
    assert error.code == "node_not_allowed"
    assert error.message.startswith(f"{class_type} {reason}")


def test_an_environment_chooses_the_classes() -> None:
    def refused(class_type: str, **keys: Any) -> bool:
        runtime = Runtime.model_validate({"name": "comfyui", "type": "comfyui", **keys})
        errors = found(with_node(class_type), runtime)
        return "20.class_type" in errors and errors["20.class_type"].code == "node_not_allowed"

    assert not refused("SaveLoRA", allowedNodes=["*", "SaveLoRA"])
    assert refused("SaveLoRA", allowedNodes=["*", "Save*"])
    assert refused("APG", allowedNodes=["KSampler", "Save*"])
    assert refused("APG", disallowedNodes=["A?G", "AP*"])
    assert not refused("APG", disallowedNodes=["A?G", "[A]PG"])
    assert not refused("GeminiNode", apiNodes=True)
    assert refused("OfACustomNode", disallowedNodes=["*Custom*"])


@pytest.mark.parametrize(
    ("inputs", "is_refused"),
    [
        ({"width": 1024}, False),
        ({"width": 1025}, True),
        ({"width": "99999"}, True),
        ({"width": " 1e9 "}, True),
        ({"width": {"__value__": 99999}}, True),
        ({"width": 10**400}, True),
        ({"steps": 51.5}, True),
        ({"length": 101}, True),
        ({"batch_size": 9}, True),
        ({"resize_type.width": 1025}, True),
        ({"resize_type.width": 1024}, False),
        ({"height": ["4", 0]}, False),
        ({"width": "wide"}, False),
    ],
)
def test_sizes_of_any_node_are_within_the_limits(inputs: dict[str, Any], is_refused: bool) -> None:
    errors = found(with_node("APG", **inputs))
    assert [error.code for error in errors.values()] == ["limit_exceeded"] * is_refused


@pytest.mark.parametrize(
    ("prefix", "problem"),
    [
        ("/etc/x", "is an absolute path"),
        ("\\x", "is an absolute path"),
        ("a/../../b", "leaves the folder of the task"),
        ("a\\..\\b", "leaves the folder of the task"),
        ("ü" * 101, "has more than 200 bytes"),
        ({"__value__": "../x"}, "leaves the folder of the task"),
        ("a/%date%/b..c", ""),
        (["6", 0], ""),
    ],
)
def test_the_name_of_a_result_stays_in_the_folder_of_its_task(prefix: Any, problem: str) -> None:
    assert messages(with_input("9", filename_prefix=prefix)).get("9.inputs.filename_prefix", "").startswith(problem)
    assert bool(messages(with_input("9", filename_prefix=prefix))) == bool(problem)


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [
        ("https://pictures.example/a.png", False),
        ("HTTP://pictures.example/a.png", False),
        ("s3://bucket/a.png", False),
        (PICTURE, False),
        ({"__value__": PICTURE}, False),
        ("poses/sitting.png", False),
        ("poses/sitting.png [input]", False),
        (["8", 0], False),
        ("data:image/png;base64,!!", True),
        ("data:image/png,abc", True),
        ("other.png", True),
        ("poses/sitting.png [output]", True),
        ("../sitting.png", True),
        ({"__value__": "../../models/x"}, True),
        ({"__value__": {"__value__": PICTURE}}, True),
        ("", True),
        (5, True),
        (None, True),
    ],
)
def test_a_file_comes_by_link_data_or_shared_name(value: Any, is_refused: bool) -> None:
    errors = found(with_node("LoadImage", image=value))
    assert {field: error.code for field, error in errors.items()} == (
        {"20.inputs.image": "unknown_input"} if is_refused else {}
    )


def test_links_in_other_inputs_stay_texts() -> None:
    assert found(with_input("6", text="https://pictures.example/a.png")) == {}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"ckpt_name": "nothing.safetensors"}, "there is no model 'nothing.safetensors' in checkpoints/ of the model"),
        ({"ckpt_name": "https://models.example/a.safetensors"}, "is a link, and models come from the model bucket"),
        ({"ckpt_name": "SDXL\\a.safetensors"}, "is 'SDXL\\\\a.safetensors'; write `/` between folders"),
        ({"ckpt_name": "../secret"}, "there is no model '../secret'"),
        ({"ckpt_name": None}, "must be the name of a model, not None"),
    ],
)
def test_a_model_is_in_the_bucket(inputs: dict[str, Any], message: str) -> None:
    error = found(with_input("4", **inputs))["4.inputs.ckpt_name"]
    assert error.code == "unknown_model"
    assert error.message.startswith(message)


def test_models_of_both_engines_and_names_that_are_no_files_are_found() -> None:
    workflow = with_node("LoraLoader", lora_name="style/ink.safetensors", model=["4", 0], clip=["4", 1])
    workflow["20"]["inputs"] |= {"strength_model": 1, "strength_clip": 1}
    workflow["21"] = {"class_type": "VAELoader", "inputs": {"vae_name": "taesdxl"}}
    assert found(workflow) == {}
    workflow["21"]["inputs"]["vae_name"] = "other"
    assert set(found(workflow)) == {"21.inputs.vae_name"}


def test_files_and_models_of_one_workflow_are_limited() -> None:
    links = {
        f"l{n}": {"class_type": "LoadImage", "inputs": {"image": f"https://pictures.example/{n}.png"}}
        for n in range(MAX_LINKS + 1)
    }
    names = {node: {"class_type": "LoadImage", "inputs": {"image": f"{node}.png"}} for node in links}
    for files in (links, names):
        assert "reads more than 32 files by link or by name" in messages(documented_workflow() | files)[""]
    models = {
        f"m{n}": {"class_type": "VAELoader", "inputs": {"vae_name": f"{n}.safetensors"}} for n in range(MAX_MODELS + 1)
    }
    assert "names more than 50 models" in messages(documented_workflow() | models)[""]
    text = " ".join(f"embedding:{n}" for n in range(MAX_EMBEDDINGS + 1))
    assert messages(with_input("6", text=text)) == {"": "names 51 embeddings; 50 are accepted"}
    assert found(with_input("6", text="embedding:a " * 100)) == {}


def test_a_name_that_many_nodes_share_is_looked_up_once() -> None:
    loader = {"class_type": "VAELoader", "inputs": {"vae_name": "a.safetensors"}}
    keys: list[str] = []

    def has_object(key: str) -> bool:
        keys.append(key)
        return key == "VAE/a.safetensors"

    workflow = {f"m{n}": loader for n in range(MAX_NODES)}
    check_workflow(workflow, runtime=RUNTIME, nodes=core_nodes(), has_object=has_object)
    assert keys == ["vae/a.safetensors", "VAE/a.safetensors"]


def test_every_mistake_is_named_at_once() -> None:
    workflow = with_input("3", steps=1000, model=["44", 0])
    workflow |= {
        "5": {"class_type": "EmptyLatentImge", "inputs": {"width": 9999}},
        "20": {"class_type": "VAEDecode"},
        "21": {"class_type": "CheckpointSave", "inputs": {"filename_prefix": "/x"}},
        "22": {"class_type": "LoadImage", "inputs": {"image": "nothing.png"}},
    }
    workflow["4"]["inputs"]["ckpt_name"] = "nothing"
    assert {field: error.code for field, error in found(workflow).items()} == {
        "3.inputs.steps": "limit_exceeded",
        "3.inputs.model": "invalid_field",
        "4.inputs.ckpt_name": "unknown_model",
        "5.class_type": "unknown_node",
        "5.inputs.width": "limit_exceeded",
        "20.inputs": "invalid_field",
        "21.class_type": "node_not_allowed",
        "21.inputs.filename_prefix": "invalid_field",
        "22.inputs.image": "unknown_input",
    }


def test_a_key_of_comfy_org_goes_to_runtimes_with_api_nodes_only() -> None:
    workflow = documented_workflow() | {"extra_data": {"api_key_comfy_org": "secret"}}
    assert found(workflow)["extra_data.api_key_comfy_org"].code == "node_not_allowed"
    assert "secret'" not in str(found(workflow))
    assert found(workflow, Runtime(name="c", type="comfyui", api_nodes=True)) == {}
    assert graph_of(workflow) == documented_workflow()
    assert set(found(documented_workflow() | {"extra_data": {"extra_pnginfo": {}}})) == {"extra_data.extra_pnginfo"}
    node = {"class_type": "APG", "inputs": {}}
    assert graph_of({"extra_data": node}) == {"extra_data": node}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_CLASSES = st.sampled_from(["KSampler", "LoadImage", "SaveImage", "VAELoader", "GeminiNode", "Unknown"])
_INPUTS = st.dictionaries(
    st.sampled_from(["image", "vae_name", "width", "filename_prefix", "model", "x.y"]),
    _JSON | st.tuples(st.sampled_from("abc"), st.integers(-1, 3)).map(list),
    max_size=4,
)
_NODES = st.fixed_dictionaries({"class_type": _CLASSES | _JSON, "inputs": _INPUTS | _JSON}) | _JSON
#: None of these has no mistake, so others are the documented workflow with other links.
_WORKFLOWS = st.dictionaries(st.sampled_from(["a", "b", "c", "d.e", "extra_data"]), _NODES, max_size=5)
_LINKS = st.tuples(st.sampled_from([*documented_workflow(), "lost"]), st.integers(-1, 1)).map(list)
_RELINKED = st.builds(with_input, st.sampled_from([*documented_workflow()]), model=_LINKS, samples=_LINKS)


@settings(max_examples=60, deadline=None)
@given(_WORKFLOWS | _RELINKED)
def test_no_workflow_raises_and_none_is_changed(workflow: Workflow) -> None:
    before = copy.deepcopy(workflow)
    errors = found(workflow)
    assert workflow == before
    assert all(isinstance(error.message, str) and error.message for error in errors.values())
    if not errors:
        # What passes cannot stop ComfyUI: each node has inputs, and each link an existing node.
        graph = graph_of(workflow)
        assert len(list(nodes_of(workflow))) == len(graph)
        links = [link for node in nodes_of(workflow) for value in node.inputs.values() if (link := link_of(value))]
        assert all(link.is_sound and link.node in graph for link in links)


def test_without_a_node_list_the_shape_is_still_checked() -> None:
    workflow = {"1": {"class_type": "Anything", "inputs": {"width": 5000, "a": ["2", 0]}}}
    errors = check_graph(workflow, nodes=None, limits=Limits(), rules=NodeRules(), field="content")
    assert {error.field for error in errors} == {"content.1.inputs.width", "content.1.inputs.a"}
