"""ComfyUI's folders: names in requests become paths inside input, output, temp and models."""

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.model_folders import comfyui_folders

#: Endings of the files that count as models.
_MODEL_ENDINGS: Final = (".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft")
_FILE_KINDS: Final = ("input", "output", "temp")
#: Number of a file behind its prefix, and what closes it.
_NUMBER: Final = re.compile(r"[0-9]+(?=[_.])")
_ANNOTATED: Final = re.compile(r"(?s)(.*?) ?\[(input|output|temp)\]")


class OutsideFolder(Exception):
    """Raised for a path that leaves its folder."""


@dataclass(frozen=True, kw_only=True)
class OutputPlace:
    """Folder and numbered name of the next files of one run of a node."""

    folder: Path
    subfolder: str
    stem: str
    counter: int

    def name(self, number: int, ending: str, *, closing: str = "_") -> str:
        """Return the name of a file, counted from 0. Nodes of the older kind close the number with `_`."""
        stem = self.stem.replace("%batch_num%", str(number))
        return f"{stem}_{self.counter + number:05}{closing}{ending}"


class ComfyFolders:
    """The folders below a base directory, and the models folder. Empties `temp`, as ComfyUI does at its start."""

    def __init__(self, *, base: Path, models: Path) -> None:
        self._base, self._models = base.resolve(), models
        shutil.rmtree(self._base / "temp", ignore_errors=True)
        for kind in _FILE_KINDS:
            (self._base / kind).mkdir(parents=True, exist_ok=True)

    def of_kind(self, kind: str) -> Path | None:
        """Return the folder `input`, `output` or `temp`, None for another name."""
        return self._base / kind if kind in _FILE_KINDS else None

    def model_names(self, folder: str) -> list[str]:
        """Return the models of a kind that exist now, with their subfolders."""
        return sorted(self._model_paths(folder))

    def model_path(self, folder: str, name: str) -> Path:
        """Return the path of a model. Raise FileNotFoundError."""
        path = self._model_paths(folder).get(name)
        if path is None:
            raise FileNotFoundError(f"Model in folder '{folder}' with filename '{name}' not found.")
        return path

    def input_names(self) -> list[str]:
        """Return the files directly in the input folder."""
        return sorted(path.name for path in (self._base / "input").iterdir() if path.is_file())

    def annotated(self, name: str) -> Path:
        """Return the path of a file input: in the input folder, or in the one named in brackets behind it."""
        name, kind = split_annotated(name, "input")
        return inside(self._base / kind, name)

    def place(self, prefix: str, *, kind: str = "output", width: int = 0, height: int = 0) -> OutputPlace:
        """Return the place of a run's files. Raise Exception, as ComfyUI does, for a prefix that leads outside."""
        root, now = self._base / kind, time.localtime()
        values: dict[str, int | str] = {"%width%": width, "%height%": height, "%year%": now.tm_year}
        for variable, value in zip(("month", "day", "hour", "minute", "second"), now[1:6], strict=True):
            values[f"%{variable}%"] = f"{value:02}"
        for variable, text in values.items():
            prefix = prefix.replace(variable, str(text))
        subfolder, stem = os.path.split(os.path.normpath(prefix))
        folder = Path(os.path.normpath(root / subfolder))
        if not folder.is_relative_to(root):
            message = "**** ERROR: Saving image outside the output folder is not allowed."
            raise Exception(f"{message}\n full_output_folder: {folder}\n         output_dir: {root}")  # noqa: TRY002 - as ComfyUI
        folder.mkdir(parents=True, exist_ok=True)
        start = stem.replace("%batch_num%", "0") + "_"
        names = [path.name.removeprefix(start) for path in folder.iterdir() if path.name.startswith(start)]
        taken = [int(number[0]) for name in names if (number := _NUMBER.match(name))]
        return OutputPlace(folder=folder, subfolder=subfolder, stem=stem, counter=max(taken, default=0) + 1)

    def _model_paths(self, folder: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for name in comfyui_folders(folder):
            root = self._models / name
            for place, _, names in os.walk(root, followlinks=True):
                for file in (Path(place, name) for name in names if name.endswith(_MODEL_ENDINGS)):
                    found.setdefault(file.relative_to(root).as_posix(), file)
        return found


def split_annotated(name: str, kind: str) -> tuple[str, str]:
    """Return a file's name and the folder named in brackets behind it, else `kind`."""
    found = _ANNOTATED.fullmatch(name)
    return (found[1], found[2]) if found else (name, kind)


def inside(folder: Path, name: str) -> Path:
    """Return the path of a name below `folder`. Raise OutsideFolder."""
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(folder):
        raise OutsideFolder(name)
    return path
