"""Files that a runtime needs before it is ready."""

import pytest

from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import ModelMissing
from runtime_image.model_downloader.selection import preloaded

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
