"""Puts together what brings models onto the disk; it is loaded only where it is of use."""

from functools import cached_property
from typing import TYPE_CHECKING

from runtime_image.agent.settings import AgentSettings
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.webui.checkpoints import Checkpoints

if TYPE_CHECKING:
    from runtime_image.agent.prepare.model_cache import ModelCache
    from runtime_image.agent.prepare.model_calls import ModelCalls


class ModelTools:
    """One for all threads: what two of them load at once is made twice, and one of the two is used."""

    def __init__(self, *, settings: AgentSettings, checkpoints: Checkpoints, clock: Clock, log: EventLog) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self.named = self._build_named(checkpoints) if settings.model_bucket else None

    @cached_property
    def calls(self) -> "ModelCalls":
        """The calls of a task that work on the models folder."""
        # 100 ms and 15 MB that only agents with such tasks should cost.
        from guarded_http.client import GuardedHttp  # noqa: PLC0415 - see above
        from guarded_http.network import resolve_with_system  # noqa: PLC0415 - see above
        from runtime_image.agent.prepare.model_calls import ModelCalls  # noqa: PLC0415 - see above
        from runtime_image.model_downloader.folder import ModelsFolder  # noqa: PLC0415 - see above

        return ModelCalls(
            folder=ModelsFolder(self._settings.models_directory),
            http=GuardedHttp(resolve=resolve_with_system, allowed_hosts=self._settings.allowed_link_hosts),
            hub_url=self._settings.hf_endpoint,
            clock=self._clock,
            log=self._log,
        )

    def _build_named(self, checkpoints: Checkpoints) -> "ModelCache":
        from runtime_image.agent.prepare.model_cache import ModelCache  # noqa: PLC0415 - only with a model bucket
        from runtime_image.model_downloader.bucket import open_bucket  # noqa: PLC0415 - see above
        from runtime_image.model_downloader.folder import ModelsFolder  # noqa: PLC0415 - see above

        return ModelCache(
            bucket=open_bucket(self._settings.model_bucket),
            folder=ModelsFolder(self._settings.models_directory),
            max_bytes=self._settings.models_max_bytes,
            checkpoints=checkpoints,
            log=self._log,
        )
