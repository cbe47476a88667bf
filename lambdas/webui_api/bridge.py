"""Bridge for Web UI clients: answers a call with a task on a replica, or from its own state."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from lambdas.http.application import Caller
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.list_cache import LIST_OF_REFRESH, ListCache, listed_checkpoint
from lambdas.webui_api.calls import INTERRUPT, OPTIONS, PROGRESS, SKIP, Call
from lambdas.webui_api.preferences import Preferences
from lambdas.webui_api.refusals import BridgeResponse, WebUiRefusal
from lambdas.webui_api.sessions import Sessions, session_of
from lambdas.webui_api.task_calls import TaskCalls

_CHECKPOINTS: Final = "sdapi/v1/sd-models"


@dataclass(kw_only=True, eq=False)
class Bridge:
    """Answers calls of the Web UI's API; raises WebUiRefusal and the contract's errors."""

    calls: TaskCalls
    sessions: Sessions
    lists: ListCache
    preferences: Preferences
    models: CheckpointCatalogue

    def answer(self, call: Call, *, caller: Caller, seconds: float) -> BridgeResponse:
        """Return the response to a call, or the state of its task after `seconds`."""
        key_name = caller.key_name or ""
        match call.endpoint:
            case endpoint if endpoint == PROGRESS:
                return _ok(self.sessions.progress(session_of(key_name, call.runtime.name)))
            case endpoint if endpoint in {INTERRUPT, SKIP}:
                self.sessions.interrupt(session_of(key_name, call.runtime.name))
                return _ok({} if endpoint == INTERRUPT else None)
            case endpoint if endpoint == OPTIONS:
                shown = self._listed(replace(call, method="GET", payload={}), caller, seconds)
                if call.method == "GET":
                    return _ok(shown | self.preferences.read(call.runtime, key_name))
                self.preferences.set(call.runtime, key_name, call.payload, shown=shown)
                return _ok(None)
        if call.method == "GET":
            return _ok(self._listed(call, caller, seconds))
        if call.generates:
            call = replace(call, preferences=self.preferences.read(call.runtime, key_name))
        response = self.calls.run(call, caller=caller, seconds=seconds)
        if stale := LIST_OF_REFRESH.get(call.endpoint):
            # Not before: another caller may ask for the list while the refresh waits for a replica.
            self.lists.expire(call.runtime.name, stale)
        return response

    def _listed(self, call: Call, caller: Caller, seconds: float) -> Any:
        """Return the list of a GET; raises WebUiRefusal if its task did not complete."""
        runtime = call.runtime
        if call.endpoint == _CHECKPOINTS and runtime.dynamic_model:
            # A replica lists only the checkpoints that it has fetched. It fetches others when a task names them.
            return [listed_checkpoint(name) for name in self.models.checkpoints()]
        cached = self.lists.read(runtime.name, call.endpoint)
        if cached is not None:
            return cached
        response = self.calls.run(call, caller=caller, seconds=seconds)
        if response.status != HTTPStatus.OK:
            raise WebUiRefusal(response)
        self.lists.store(runtime.name, call.endpoint, response.body)
        return response.body


def _ok(body: Any) -> BridgeResponse:
    return BridgeResponse(HTTPStatus.OK.value, body)
