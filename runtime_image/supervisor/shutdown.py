"""Shutdown of the container: the agent ends first, so that no task is cut, then the Web UI, then the supervisor."""

from runtime_image.process.exit_codes import ExitCode
from runtime_image.supervisor.managed_process import ManagedProcess, StartedProcess


class Shutdown:
    """Changed by the loop only. All times are monotonic seconds."""

    def __init__(self, *, agent: ManagedProcess, webui: ManagedProcess, models: ManagedProcess) -> None:
        self._agent = agent
        self._webui = webui
        self._models = models
        self._processes = (agent, webui, models)
        self.exit_code: ExitCode | None = None

    @property
    def has_begun(self) -> bool:
        """Return True once the container is to end."""
        return self.exit_code is not None

    def has_finished(self, now: float) -> bool:
        """Return True if no process runs any more that a signal could end."""
        return self.has_begun and all(process.is_gone(now) for process in self._processes)

    def unkillable(self) -> list[StartedProcess]:
        """Return the processes that not even SIGKILL has ended, once the shutdown has finished."""
        return [process.child for process in self._processes if process.child]

    def begin(self, code: ExitCode, now: float) -> None:
        """End everything and exit with `code`. A shutdown that has begun already keeps its code."""
        if self.exit_code is None:
            self.exit_code = code
            self._agent.terminate(now)
            self._models.terminate(now)

    def advance(self, now: float) -> None:
        """Stop the Web UI after the agent, and kill what is overdue."""
        if self._agent.is_gone(now) and not self._webui.is_terminating:
            self._webui.terminate(now)
        for process in self._processes:
            process.kill_if_overdue(now)
