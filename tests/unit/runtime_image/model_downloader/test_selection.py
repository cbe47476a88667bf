"""Files that a runtime needs before it is ready."""

import pytest

from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import ModelMissing
from runtime_image.model_downloader.selection import needed_at_start, preloaded

FILES = [RemoteFile(key, 1, "etag") for key in ("vae/ae.safetensors", "vae/sub/x.safetensors", "vaes/y", "Lora/ink")]


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        ((), []),
        (("Lora/ink", "vae/ae.safetensors", "Lora/ink"), ["Lora/ink", "vae/ae.safetensors"]),
        (("vae/",), ["vae/ae.safetensors", "vae/sub/x.safetensors"]),
        (("in-the-image/z",), []),
    ],
)
def test_comfyui_gets_what_it_names_and_nothing_else(names: tuple[str, ...], keys: list[str]) -> None:
    found = preloaded(iter(FILES), names, is_baked_in=lambda key: key.startswith("in-the-image/"))
    assert [file.key for file in found] == keys


@pytest.mark.parametrize("name", ["vae/missing.safetensors", "missing/", "vae"])
def test_a_name_without_a_file_is_missing(name: str) -> None:
    with pytest.raises(ModelMissing, match=name):
        preloaded(FILES, [name], is_baked_in=lambda _: False)


def test_a_web_ui_does_not_wait_for_models_that_only_comfyui_reads() -> None:
    read_by_both = ["Stable-diffusion/a.safetensors", "embeddings/bad.pt", "ESRGAN/x4.pth", "extension/weights.pth"]
    others = [f"{folder}/x" for folder in ("diffusion_models", "unet", "clip", "vae", "loras", "checkpoints", "inputs")]
    files = [RemoteFile(key, 1, "etag") for key in (*others, *read_by_both)]
    found = needed_at_start(files, "a.safetensors", is_baked_in=lambda _: False)
    assert [file.key for file in found] == read_by_both
