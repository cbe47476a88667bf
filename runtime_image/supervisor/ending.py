"""The end of the container as it is designed: the agent first, so that no task is cut, the Web UI after, then exit."""

from runtime_image.process.exit_codes import ExitCode
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.kept_process import KeptProcess


class Ending:
    """Changed by the loop only; all times are monotonic seconds."""

    def __init__(
        self,
        *,
        agent: KeptProcess,
        webui: KeptProcess,
        downloader: KeptProcess | None,
        agent_stop_seconds: float,
        webui_stop_seconds: float,
    ) -> None:
        self._agent = agent
        self._webui = webui
        self._downloader = downloader
        self._agent_stop_seconds = agent_stop_seconds
        self._webui_stop_seconds = webui_stop_seconds
        self.exit_code: ExitCode | None = None

    @property
    def has_begun(self) -> bool:
        """True once the container is to end."""
        return self.exit_code is not None

    def is_over(self, now: float) -> bool:
        """Tell whether nothing runs any more that a signal could end."""
        return self.has_begun and all(process.is_gone(now) for process in self._processes)

    def left_behind(self) -> list[Child]:
        """Return what not even SIGKILL has ended, once the end is over."""
        return [process.child for process in self._processes if process.child]

    def begin(self, code: ExitCode, now: float) -> None:
        """End everything and exit with `code`. If the end has begun already, its code stays."""
        if self.exit_code is not None:
            return
        self.exit_code = code
        self.stop_agent(now)
        if self._downloader:
            self._downloader.end(now, seconds=self._webui_stop_seconds)

    def stop_agent(self, now: float) -> None:
        """Ask the agent to end; the second time it hurries."""
        self._agent.end(now, seconds=self._agent_stop_seconds)

    def go_on(self, now: float) -> None:
        """Do what is due."""
        if self._agent.is_gone(now) and not self._webui.is_ending:
            self._webui.end(now, seconds=self._webui_stop_seconds)
        for process in self._processes:
            process.kill_if_overdue(now)

    @property
    def _processes(self) -> list[KeptProcess]:
        return [process for process in (self._agent, self._webui, self._downloader) if process]
