"""LoRA files of the models folder, which a prompt names as `<lora:name:weight>`: changes to the weights of a model."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

#: The smaller matrix of a change, in the layouts of kohya's trainer and of diffusers.
_DOWN: Final = re.compile(r"(?:lora_)?(.+)\.lora_(?:down|A)\.weight")
#: Digits of the hash that the infotext shows.
_HASH_DIGITS: Final = 12


@dataclass(frozen=True)
class LoraFile:
    """One file. Prompts call it by its name, or by the alias that its trainer wrote into it."""

    path: Path

    def entry(self) -> dict[str, Any]:
        """Return the entry of `loras`."""
        metadata: dict[str, str] = {}
        with suppress(SafetensorError), safe_open(self.path, framework="numpy") as file:
            metadata = file.metadata() or {}
        alias = metadata.get("ss_output_name", self.path.stem)
        return {"name": self.path.stem, "alias": alias, "path": str(self.path), "metadata": metadata}

    def short_hash(self) -> str:
        """Return the first digits of the hash of the tensors, which is the same whatever the metadata are."""
        with self.path.open("rb") as file:
            file.seek(int.from_bytes(file.read(8), "little"), 1)
            return hashlib.file_digest(file, "sha256").hexdigest()[:_HASH_DIGITS]

    def changes(self, parts: Mapping[str, Any], weights: Mapping[str, float]) -> Iterator[tuple[Any, Any]]:
        """Yield each changed parameter with its change; `parts` and `weights` are by the file's names of the parts.

        Names of a file that the model lacks are ignored, as in the Web UI.
        """
        modules = {
            _plain(f"{part}.{name}"): (module, weights[part])
            for part, model in parts.items()
            for name, module in model.named_modules()
        }
        with safe_open(self.path, framework="pt") as file:
            names = set(file.keys())
            for name in names:
                found = _DOWN.fullmatch(name)
                module, weight = modules.get(_plain(found[1]), (None, 0.0)) if found else (None, 0.0)
                if found and module is not None:
                    down = file.get_tensor(name).float()
                    up = file.get_tensor(name.replace("lora_down", "lora_up").replace("lora_A", "lora_B")).float()
                    stem = name[: found.end(1)]
                    alpha = float(file.get_tensor(f"{stem}.alpha")) if f"{stem}.alpha" in names else len(down)
                    change = up.flatten(1) @ down.flatten(1) * (weight * alpha / len(down))
                    yield module.weight, change.view_as(module.weight)


def find_loras(folder: Path) -> list[LoraFile]:
    """Return the LoRA files under a folder."""
    return [LoraFile(path) for path in sorted(folder.rglob("*.safetensors")) if path.is_file()]


def _plain(name: str) -> str:
    """Return a module's name as both layouts write it; transformers leaves out the `text_model` of the file."""
    return name.replace(".", "_").replace("text_model_", "")
