"""Safe unpickling in the Web UI's process: a pickle may hold weights and plain data, and cannot run code.

`torch.load`, numpy and every extension unpickle by the classes of the module `pickle`. So these classes are replaced
before any other module can keep them.
"""

import _pickle
import io
import pickle
import sys
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import IO, Any, ClassVar, Final

_DATA_TYPES: Final = frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice"})
_NUMPY_REBUILDERS: Final = frozenset({"_reconstruct", "scalar"})
_TENSOR_TYPES: Final = frozenset({"bfloat16", "bool", "device", "float16", "float32", "float64", "int16", "int32"})
#: Names that a pickle may use, by module. They are those of the Web UI's own check of model files, without names that
#: do more than hold data. So a model that loaded before loads now.
ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "__builtin__": _DATA_TYPES,
    "_codecs": frozenset({"encode"}),
    "builtins": _DATA_TYPES,
    "collections": frozenset({"OrderedDict"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy._core.multiarray": _NUMPY_REBUILDERS,
    "numpy.core.multiarray": _NUMPY_REBUILDERS,
    "torch": _TENSOR_TYPES | {"int64", "int8", "Size", "uint8"},
    "torch._utils": frozenset(
        {"_rebuild_device_tensor_from_numpy", "_rebuild_parameter", "_rebuild_tensor", "_rebuild_tensor_v2"}
    ),
    "torch.nn.modules.container": frozenset({"ParameterDict"}),
}
#: Classes of training tools that old checkpoints name next to their weights. An empty class replaces them.
_UNUSED_CLASSES: Final = frozenset({("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")})
#: A change of one of these would outlive the load, because all of the process shares them.
_SHARED: Final = (type, FunctionType, BuiltinFunctionType)


#: Python's own unpickler in Python, because that in C runs opcodes that a subclass cannot refuse.
_PythonUnpickler: Final[Any] = vars(pickle)["_Unpickler"]


class SafeUnpickler(_PythonUnpickler):  # type: ignore[misc]  # typeshed does not know it
    """Replaces `pickle.Unpickler`."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def find_class(self, module: str, name: str) -> object:
        """Return an allowed class or function; raises UnpicklingError for any other name."""
        if (module, name) in _UNUSED_CLASSES:
            return type(name, (), {})
        if name not in ALLOWED.get(module, ()):
            raise pickle.UnpicklingError(
                f"`{module}.{name}` is not allowed in a pickle, because it may run code; convert the file to"
                " .safetensors"
            )
        allowed: object = super().find_class(module, name)
        return allowed

    def load_build(self) -> None:
        """Set the state of an object that the pickle made; raises UnpicklingError for a shared class or function."""
        if isinstance(self.stack[-2], _SHARED):
            raise pickle.UnpicklingError("a pickle must not change a class or a function")
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


def load(file: IO[bytes], **options: Any) -> object:
    """Replace `pickle.load`."""
    return SafeUnpickler(file, **options).load()


def loads(data: bytes, /, **options: Any) -> object:
    """Replace `pickle.loads`."""
    return SafeUnpickler(io.BytesIO(data), **options).load()


def make_pickle_safe() -> None:
    """Replace the unpicklers of this process; raises RuntimeError if a module may have kept one."""
    if kept := sorted({"numpy", "torch"} & sys.modules.keys()):
        raise RuntimeError(f"{', '.join(kept)} was imported before the unpicklers were replaced")
    for module in (pickle, _pickle):
        for name, replacement in {"Unpickler": SafeUnpickler, "load": load, "loads": loads}.items():
            setattr(module, name, replacement)
    for name, replacement in {"_Unpickler": SafeUnpickler, "_load": load, "_loads": loads}.items():
        setattr(pickle, name, replacement)


def refuse_torchscript(torch: ModuleType) -> None:
    """Make `torch.load` refuse TorchScript, which is code; `torch.jit.load` itself still loads the operator's files."""
    load_script: Callable[..., object] = torch.jit.load

    def load_unless_in_weights(*arguments: Any, **options: Any) -> object:
        if sys._getframe(1).f_globals.get("__name__") == "torch.serialization":  # noqa: SLF001 - `inspect` costs more
            raise pickle.UnpicklingError("the file holds TorchScript, which is code, instead of weights")
        return load_script(*arguments, **options)

    torch.jit.load = load_unless_in_weights
