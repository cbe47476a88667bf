"""When a task reached each stage; what its metrics and its trace are made from."""

from dataclasses import dataclass


@dataclass
class Timeline:
    """Monotonic seconds; None until it happens. The loop writes, and whoever ends the task reads."""

    #: Its links were fetched and its request built.
    prepared_at: float | None = None
    #: The GPU began with it: it was sent, and what was sent before it had been answered.
    generating_at: float | None = None
    #: The Web UI answered.
    generated_at: float | None = None
    #: Seconds for which the Web UI had nothing of ours before this task.
    gpu_idle_seconds: float | None = None

    def generate_seconds(self) -> float | None:
        """Return how long the Web UI took, encoding and transfer of the pictures included."""
        if self.generating_at is None or self.generated_at is None:
            return None
        return self.generated_at - self.generating_at
