"""ECS: task scale-in protection while the replica works, its own start, and the notice of its node's end.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import json
from pathlib import Path
from typing import Final

from runtime_image.agent.orchestrator.http import OrchestratorClient
from runtime_image.agent.orchestrator.orchestrator import OrchestratorRefused, Placement, placement_of_task

#: Minutes for which a protection holds (ECS allows 1 to 2,880). A replica that vanished delays the service's scale-in
#: for that long.
PROTECTION_MINUTES: Final = 10
#: Part of that time after which it is renewed: two renewals may fail.
RENEW_AFTER: Final = 1 / 3
_PROTECTION_PATH: Final = "/task-protection/v1/state"
_TASK_PATH: Final = "/task"


class Ecs:
    """Calls the container agent; the instance's own metadata is out of a replica's reach."""

    renew_seconds: float | None = PROTECTION_MINUTES * 60 * RENEW_AFTER

    def __init__(self, *, agent_url: str, metadata_url: str, ending_file: Path) -> None:
        self._agent = OrchestratorClient(base_url=agent_url)
        self._metadata = OrchestratorClient(base_url=metadata_url)
        self._ending_file = ending_file
        self._placement: Placement | None = None

    def report(self, *, busy: bool) -> Placement:
        """Request the protection, or end it."""
        body = (
            {"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}
            if busy
            else {"ProtectionEnabled": False}
        )
        _, text = self._agent.call("PUT", _PROTECTION_PATH, body)
        try:
            answer = json.loads(text)
            protection = answer["protection"]["ProtectionEnabled"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            # A failure ("the deployment is blocked by it", "the task is stopping") comes with status 200, too.
            raise OrchestratorRefused(f"no protection: {text[:500]}") from error
        if protection is not busy:
            raise OrchestratorRefused(f"the protection is {protection}")
        return self._start()

    def is_ending(self) -> bool:
        """Return True if the node has received the two minutes' notice of a spot instance."""
        try:
            return self._ending_file.exists()
        except OSError as error:
            raise OrchestratorRefused(f"{self._ending_file}: {error}") from error

    def _start(self) -> Placement:
        if self._placement is None:
            try:
                _, text = self._metadata.call("GET", _TASK_PATH)
                self._placement = placement_of_task(json.loads(text))
            except (OrchestratorRefused, ValueError, TypeError, AttributeError, RecursionError):
                # The report matters; the answer only serves a metric.
                return {}
        return self._placement
