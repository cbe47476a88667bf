"""Interface of a generation engine, for every stage: drafts, calls, progress, interrupts, models and names.

`runtime_image/webui` implements it for the SD Web UI, `runtime_image/comfyui` for ComfyUI.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from contract.task import Task
from runtime_image.process.engine import (
    EngineFailed,
    InputFile,
    InputReference,
    ModelReference,
    Outputs,
    Progress,
    UnclearFailure,
)


class EngineCall(Protocol):
    """The one call of the engine that carries out a task."""

    @property
    def takes_lock(self) -> bool:
        """It waits for the engine's lock. With the lock, it is what progress shows and an interrupt cuts."""

    @property
    def generates(self) -> bool:
        """The loaded model makes pictures step by step, so that progress moves with every step."""

    @property
    def is_exclusive(self) -> bool:
        """No other call may overlap it."""

    @property
    def is_identified(self) -> bool:
        """The engine names it in its progress, and an interrupt ends it alone, whether it runs or waits."""

    def has_model(self) -> bool:
        """Return True if the model that it needs is loaded, as far as the client knows."""

    def is_set_up(self) -> bool:
        """Return True if the engine needs no other model or settings before it."""

    def set_up(self) -> Mapping[str, object]:
        """Load the model, or change the settings that it needs; return what was done, for the log."""

    def run(self, *, timeout_seconds: float) -> object:
        """Send it and return the answer; raises the engine's errors."""

    def on_trial(self, failure: UnclearFailure) -> "EngineCall | None":
        """Return the call that finds out whose fault an unclear failure is; None if this call was the trial.

        It runs alone. It raises EngineBroken if the engine fails a request that every sound one carries out. Otherwise
        the same failure is the request's own.
        """

    def interrupt(self) -> None:
        """Interrupt it, or the running call if it is not identified; raises EngineFailed."""

    def read_outputs(self, answer: object) -> Outputs:
        """Split an answer into pictures and the rest; raises the engine's errors and NoPictures."""

    def close(self) -> None:
        """Delete the files that it has left on the disk, because its task has ended."""


class EngineDraft(Protocol):
    """A task's content as the engine reads it, before links are replaced."""

    #: Path of the content for error messages.
    path: str

    def models(self) -> Iterable[ModelReference]:
        """Yield the models that it needs and that may have to be fetched."""

    def check(self, *, timeout_seconds: float) -> None:
        """Check the names and options in it. Raises InvalidTask, or EngineFailed without an answer."""

    def inputs(self) -> Sequence[InputReference]:
        """Return the links and encoded files in it."""

    def call(self, inputs: Mapping[str, InputFile]) -> EngineCall:
        """Return the call with these files, by their paths below `path`. Raises InvalidTask if it costs too much."""


class Engine(Protocol):
    """One engine on this machine. Called from several threads."""

    @property
    def hung_error(self) -> type[EngineFailed]:
        """Error of a call that shows no progress for too long."""

    @property
    def loaded_model(self) -> str | None:
        """The checkpoint that is known to be loaded, as the task named it."""

    @property
    def loaded_models(self) -> Collection[ModelReference]:
        """Models that it may have in memory; their files stay on the disk."""

    def is_named(self, folder: str) -> bool:
        """Return True if tasks name the models in a folder, so that an evicted one is fetched again."""

    def draft(self, task: Task, *, checkpoint: str | None) -> EngineDraft:
        """Read a task's content. Raises InvalidTask, or another permanent error, if the engine has no such call."""

    def check_ready(self) -> None:
        """Raise EngineFailed until the engine accepts every call and does nothing."""

    def read_progress(self, *, with_picture: bool = False) -> Progress:
        """Ask for the progress of the running call; raises EngineFailed."""

    def forget(self) -> None:
        """Drop everything remembered of the engine, because it may have been restarted."""
