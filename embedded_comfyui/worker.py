"""Worker of the server: a thread that runs one prompt after the other."""

import time
from collections.abc import Collection
from typing import Final

from embedded_comfyui.execution import NodeRunner, PromptExecution
from embedded_comfyui.prompt_queue import PromptQueue
from stub_webui.journal import GenerationJournal, GenerationStep

#: Faults on demand, for what happens by chance in a real one.
SLOW_HISTORY: Final = "slow-history"
HANG: Final = "hang"
LATE_FILES: Final = "late-files"
FAULTS: Final = (SLOW_HISTORY, HANG, LATE_FILES)
_SLOW_HISTORY_SECONDS: Final = 5.0
_HANG_SECONDS: Final = 3600.0


class PromptWorker:
    """Runs the prompts of the queue. An error outside of a node ends its thread, and no prompt runs any more."""

    def __init__(
        self, *, queue: PromptQueue, runner: NodeRunner, faults: Collection[str], journal: GenerationJournal | None
    ) -> None:
        self._queue, self._runner, self._faults, self._journal = queue, runner, faults, journal

    def prompt_worker(self) -> None:
        """Run prompts without end."""
        while True:
            if prompt := self._queue.begin():
                self._record(GenerationStep.ACQUIRED, prompt.prompt_id)
                if HANG in self._faults:
                    time.sleep(_HANG_SECONDS)
                entry = PromptExecution(prompt, self._runner).run()
                self._record(GenerationStep.RELEASED, prompt.prompt_id)
                self._runner.clients.executing = None
                if SLOW_HISTORY in self._faults:
                    time.sleep(_SLOW_HISTORY_SECONDS)
                self._queue.finish(entry)
                self._record(GenerationStep.ANSWERED, prompt.prompt_id)
                if (client_id := prompt.extra_data.get("client_id")) is not None:
                    self._runner.clients.send("executing", {"node": None, "prompt_id": prompt.prompt_id}, client_id)
            flags = self._queue.accept_free()
            if flags.get("unload_models"):
                self._runner.engine.unload()
            if flags.get("free_memory"):
                self._runner.results.clear()

    def _record(self, step: GenerationStep, prompt_id: str) -> None:
        if self._journal:
            self._journal.record(step, generation=prompt_id)
