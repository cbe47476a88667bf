"""Node list: what the checks need of the classes of a ComfyUI, read from its own description."""

from pathlib import Path
from typing import Any

from contract.model_folders import COMFYUI_MODEL_FOLDERS, comfyui_folders
from contract.pipeline.node_list import MARKER, NodeList, core_nodes, model_inputs_of, node_list_of

#: Three classes as `GET /object_info` of ComfyUI 0.33.0 describes them, without their words for people.
OBJECT_INFO: dict[str, Any] = {
    "VAELoader": {
        "input": {"required": {"vae_name": [[MARKER.format(folder="vae"), "pixel_space"], {}]}},
        "output": ["VAE"],
        "output_node": False,
    },
    "SaveImageAdvanced": {
        "input": {
            "required": {
                "images": ["IMAGE", {}],
                "filename_prefix": ["STRING", {"default": "ComfyUI"}],
                "format": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "png", "inputs": {}}]}],
            },
            "hidden": {"prompt": ["PROMPT"]},
        },
        "output": ["IMAGE"],
        "output_node": True,
    },
    "LoadPicture": {
        "input": {
            "required": {"image": ["COMBO", {"image_upload": True, "options": []}]},
            "optional": {"clip": ["COMBO", {"options": [MARKER.format(folder="clip"), MARKER.format(folder="x")]}]},
        },
        "output": None,
        "api_node": True,
    },
}


def test_a_node_list_is_made_of_the_description_that_comfyui_gives() -> None:
    models = model_inputs_of(OBJECT_INFO)
    assert models == {"VAELoader": {"vae_name": ["vae"]}, "LoadPicture": {"clip": ["clip", "x"]}}
    nodes = node_list_of(OBJECT_INFO, models, comfyui_version="0.33.0").nodes
    assert nodes["VAELoader"].models == {"vae_name": ("vae",)}
    assert "pixel_space" in nodes["VAELoader"].built_in["vae_name"]
    assert not any("marker" in name for name in nodes["VAELoader"].built_in["vae_name"])
    assert nodes["SaveImageAdvanced"].required == ("images", "filename_prefix")
    assert (nodes["SaveImageAdvanced"].outputs, nodes["SaveImageAdvanced"].output_node) == (1, True)
    assert (nodes["LoadPicture"].outputs, nodes["LoadPicture"].api_node) == (0, True)
    assert nodes["LoadPicture"].files == {"image": "image"}


def test_a_node_list_survives_its_journey_through_a_file(tmp_path: Path) -> None:
    made = node_list_of(OBJECT_INFO, model_inputs_of(OBJECT_INFO), comfyui_version="0.33.0")
    (tmp_path / "nodes.json").write_text(made.to_json())
    assert NodeList.read(tmp_path / "nodes.json") == made


def test_the_list_of_comfyui_itself_is_whole() -> None:
    nodes = core_nodes().nodes
    assert len(nodes) == 886
    assert sum(node.api_node for node in nodes.values()) == 253
    assert nodes["KSampler"].outputs == 1
    assert {name for name, node in nodes.items() if node.files} == {
        *("LoadImage", "LoadImageMask", "LoadAudio", "LoadVideo", "LoadLatent", "Load3D", "Load3DAdvanced")
    }
    folders = {comfyui_folders(name)[0] for node in nodes.values() for names in node.models.values() for name in names}
    assert folders <= set(COMFYUI_MODEL_FOLDERS)
