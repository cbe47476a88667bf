"""Busy and idle time of the GPU, by the generations of this agent at the engine."""

from runtime_image.agent.core.claimed_task import ClaimedTask


class GpuUse:
    """Changed by the loop only. All times are monotonic seconds."""

    def __init__(self, *, started_at: float) -> None:
        self._at_engine: set[ClaimedTask] = set()
        self._busy_before = 0.0
        #: When the present busy or idle stretch began.
        self._changed_at = started_at
        self._last_answer_at = started_at

    def sent(self, task: ClaimedTask, now: float) -> None:
        """Record that a generation goes to the engine."""
        task.timeline.gpu_idle_seconds = 0.0 if self._at_engine else now - self._changed_at
        if not self._at_engine:
            self._changed_at = now
        self._at_engine.add(task)

    def answered(self, task: ClaimedTask, now: float) -> None:
        """Record that a generation was answered, or failed."""
        if task not in self._at_engine:
            return
        self._at_engine.discard(task)
        task.timeline.generating_at = max(task.sent_at, self._last_answer_at)
        task.timeline.generated_at = now
        self._last_answer_at = now
        if not self._at_engine:
            self._busy_before += now - self._changed_at
            self._changed_at = now

    def busy_seconds(self, now: float) -> float:
        """Return the seconds since the start in which the engine had at least one generation of this agent."""
        return self._busy_before + (now - self._changed_at if self._at_engine else 0.0)
