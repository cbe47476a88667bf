"""Folders of models, which both engines find in one bucket."""

import pytest

from contract.model_folders import COMFYUI_FURTHER_FOLDERS, COMFYUI_MODEL_FOLDERS, WEBUI_MODEL_FOLDERS, comfyui_folders


@pytest.mark.parametrize(
    ("folder", "read"),
    [
        ("checkpoints", ("checkpoints", "Stable-diffusion")),
        ("clip", ("text_encoders", "clip")),
        ("text_encoders", ("text_encoders", "clip")),
        ("unet", ("diffusion_models", "unet")),
        ("t2i_adapter", ("controlnet", "t2i_adapter", "ControlNet")),
        ("gligen", ("gligen",)),
        ("of_a_custom_node", ("of_a_custom_node",)),
    ],
)
def test_a_model_is_found_under_each_name_of_its_folder(folder: str, read: tuple[str, ...]) -> None:
    assert comfyui_folders(folder) == read


def test_each_further_folder_belongs_to_a_known_one() -> None:
    further = {name for names in COMFYUI_FURTHER_FOLDERS.values() for name in names}
    assert COMFYUI_FURTHER_FOLDERS.keys() <= set(COMFYUI_MODEL_FOLDERS)
    assert further - {"clip", "unet", "t2i_adapter"} <= set(WEBUI_MODEL_FOLDERS)
