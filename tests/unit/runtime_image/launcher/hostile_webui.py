"""Web UI with an extension and an annotator that unpickle as the real ones do. Its start script tries every attack.

usage: hostile_webui.py FOLDER CASE …

FOLDER receives a folder for each attack that ran. The outcome of each case is printed as JSON.
"""

# ruff: noqa: S301  # the attacks unpickle
import base64
import io
import json
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

#: The extension keeps `torch.load` before the Web UI replaces it.
unsafe_torch_load = torch.load


def checked_load(*arguments: Any, **options: Any) -> object:
    raise AssertionError("the attacks avoid the Web UI's own check")


torch.load = checked_load

FOLDER = Path(sys.argv[1])


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(FOLDER / self.name),)


class KeptUnpickler(pickle.Unpickler):
    """Unpickler of an annotator, which hands names on to Python's own rule."""

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module, name)


def saved(content: object, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(content, file, **options)
    file.seek(0)
    return file


def written(name: str, content: bytes) -> Path:
    path = FOLDER.parent / name
    path.write_bytes(content)
    return path


def ip_adapter_input(field: str) -> object:
    """Read the request's field as ControlNet does."""
    return unsafe_torch_load(io.BytesIO(base64.b64decode(field)), weights_only=False)


def load_annotator(path: Path) -> object:
    with path.open("rb") as file:
        return pickle.load(file)


def python_unpickler(file: IO[bytes]) -> object:
    unpickler: Any = vars(pickle)["_Unpickler"](file)
    return unpickler.load()


def change_a_function() -> object:
    """Set an attribute of a function by the opcode that sets an object's state."""
    return pickle.loads(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(N}X\x05\x00\x00\x00taintK\x01stb.").taint


CASES: dict[str, Callable[[], object]] = {
    "pth": lambda: unsafe_torch_load(written("x.pth", saved(Attack("pth")).getvalue()), weights_only=False),
    "old_pth": lambda: unsafe_torch_load(
        saved(Attack("old_pth"), _use_new_zipfile_serialization=False), weights_only=False
    ),
    "base64": lambda: ip_adapter_input(base64.b64encode(saved(Attack("base64")).getvalue()).decode()),
    "pkl": lambda: load_annotator(written("x.pkl", pickle.dumps(Attack("pkl")))),
    "loads": lambda: pickle.loads(pickle.dumps(Attack("loads"))),
    "nested": lambda: pickle.loads(pickle.dumps(OrderedDict(weights=[Attack("nested")]))),
    "subclass": lambda: KeptUnpickler(io.BytesIO(pickle.dumps(Attack("subclass")))).load(),
    "python": lambda: python_unpickler(io.BytesIO(pickle.dumps(Attack("python")))),
    "accelerator": lambda: sys.modules["_pickle"].loads(pickle.dumps(Attack("accelerator"))),
    "function": change_a_function,
    "torchscript": lambda: unsafe_torch_load(saved_script(), weights_only=False),
    "weights": lambda: float(unsafe_torch_load(saved({"a": torch.ones(2, 2)}), map_location="cpu")["a"].sum()),
    "old_weights": lambda: float(
        unsafe_torch_load(saved({"a": torch.ones(2, 2)}, _use_new_zipfile_serialization=False))["a"].sum()
    ),
    "arrays": lambda: str(pickle.loads(pickle.dumps(torch.ones(2).numpy())).tolist()),
    "parameters": lambda: str(
        unsafe_torch_load(
            saved({"string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(3))})}),
            weights_only=False,
        )["string_to_param"]["*"].tolist()
    ),
    "data": lambda: str(pickle.loads(pickle.dumps({"mtime": 1.5, "sha256": None, "kinds": [{1}]}))),
}


def saved_script() -> io.BytesIO:
    file = io.BytesIO()
    jit: Any = torch.jit
    jit.save(jit.trace(torch.nn.Identity(), torch.ones(1)), file)
    file.seek(0)
    return file


def outcome(case: Callable[[], object]) -> str:
    try:
        return f"loaded: {case()}"
    except Exception as error:  # noqa: BLE001 - the tests read which it was
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    json.dump({name: outcome(CASES[name]) for name in sys.argv[2:]}, sys.stdout)
