"""Recorder of each component's AWS calls in the tests and in the processes that they start.

A component is a function of `lambdas/` or the runtime's container; the stack shows the caller. The recorder uses the
standard library alone, because every process loads it at its start.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

PROJECT = Path(__file__).parents[2]
#: Where the simulation starts a step of one process, which it does also within a call of another.
SIMULATED_STEP = ("tests", "simulation", "world.py")

#: What Python runs at the start of a process whose path has the folder of the recordings.
_STARTUP = """
import importlib.util
spec = importlib.util.spec_from_file_location("recorder", {recorder!r})
recorder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorder)
recorder.record_calls({folder!r})
"""


def record_calls_of_children(folder: Path) -> None:
    """Make every process that this one starts write its calls into `folder`, as far as it inherits PYTHONPATH."""
    (folder / "sitecustomize.py").write_text(_STARTUP.format(recorder=__file__, folder=str(folder)))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def record_calls(folder: str) -> None:
    """Record the calls of this process from its import of botocore on."""
    if "botocore.client" in sys.modules:
        _watch(sys.modules["botocore.client"], Path(folder))
    else:
        sys.meta_path.insert(0, _BotocoreFinder(Path(folder)))


class _BotocoreFinder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "botocore.client":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _watch(module, self._folder)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _watch(module: Any, folder: Path) -> None:
    client_class = module.BaseClient
    make_api_call = client_class._make_api_call

    def recorded(client: Any, operation: str, parameters: Any) -> Any:
        if caller := _caller(sys._getframe(1)):
            call = [*caller, client.meta.service_model.service_name, operation]
            with (folder / f"calls-{os.getpid()}.jsonl").open("a") as lines:
                lines.write(json.dumps(call) + "\n")
        return make_api_call(client, operation, parameters)

    client_class._make_api_call = recorded


def _caller(frame: FrameType | None) -> tuple[str, str] | None:
    """Return the component that calls, empty if a test has a shared piece call, and the module that does."""
    module = ""
    while frame and (parts := _parts(frame.f_code.co_filename)) != SIMULATED_STEP:
        top, *rest = parts
        if top == "runtime_image":
            return "runtime", rest[-1].removesuffix(".py")
        if top in {"lambdas", "task_store"}:
            module = module or ".".join((top, *rest)).removesuffix(".py")
        if top == "lambdas" and rest[0] in _functions():
            return rest[0], module
        frame = frame.f_back
    return ("", module) if module else None


@cache
def _functions() -> frozenset[str]:
    """Return the folders of `lambdas/` that hold a function; the other folders are shared."""
    return frozenset(file.parent.name for file in (PROJECT / "lambdas").glob("*/handler.py"))


@cache
def _parts(file: str) -> tuple[str, ...]:
    """Return where a file is in the project, nowhere if it is not ours; every call asks for dozens, ever the same."""
    path = Path(file)
    return path.relative_to(PROJECT).parts if path.is_relative_to(PROJECT) else ("",)
