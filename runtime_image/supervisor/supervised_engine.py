"""Interface of a generation engine to the supervisor: the calls that its start and its liveness probe need."""

from typing import Protocol


class SupervisedEngine(Protocol):
    """Engine in a container. `SdWebUi` and `ComfyUi` implement it."""

    @property
    def name(self) -> str:
        """Name of its process in logs."""

    @property
    def started_line(self) -> str | None:
        """Part of the line of output that ends the start, before which nothing is sent. None: calls never harm it."""

    def check_ready(self) -> None:
        """Raise DarkroomError until the engine answers every call that a task may need."""

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if the engine gives any answer."""

    def exceeds_disk(self) -> bool:
        """Return True if its files take more of the disk than they may."""

    def prepare(self) -> None:
        """Load what the runtime serves, once all models are on disk.

        Raises UnknownModel if the engine does not have the model, and another DarkroomError if a call fails.
        """
