"""ECS: task scale-in protection while the replica works, and the notice that its spot instance is taken away.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

import json
from typing import Final

from runtime_image.agent.orchestrator.http import OrchestratorClient
from runtime_image.agent.orchestrator.orchestrator import OrchestratorRefused
from runtime_image.agent.orchestrator.placement import Placement

#: Minutes for which a protection holds (ECS takes 1 to 2,880): how long a replica that vanished without a word holds
#: up the service's scale-in.
PROTECTION_MINUTES: Final = 10
#: Part of that time after which it is renewed: two renewals may fail.
RENEW_AFTER: Final = 1 / 3
_PROTECTION_PATH: Final = "/task-protection/v1/state"

_TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105 - a path, no secret
_NOTICE_PATH: Final = "/latest/meta-data/spot/instance-action"
#: Seconds for which one token of the instance's metadata is asked; it is asked anew for each look.
_TOKEN_SECONDS: Final = "60"  # noqa: S105 - a time, no secret
_NOT_FOUND: Final = 404


class Ecs:
    """Speaks to the container agent, and to the instance's metadata."""

    renew_seconds: float | None = PROTECTION_MINUTES * 60 * RENEW_AFTER

    def __init__(self, *, agent_url: str, metadata_url: str) -> None:
        self._agent = OrchestratorClient(base_url=agent_url)
        self._metadata = OrchestratorClient(base_url=metadata_url)

    def tell(self, *, busy: bool) -> Placement:
        """Ask for the protection, or give it up; nothing is answered about the start."""
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
        return {}

    def is_ending(self) -> bool:
        """Look for the two minutes' notice of a spot instance."""
        _, token = self._metadata.call(
            "PUT", _TOKEN_PATH, headers={"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_SECONDS}
        )
        status, _ = self._metadata.call(
            "GET",
            _NOTICE_PATH,
            headers={"X-aws-ec2-metadata-token": token},
            expected=frozenset({200, _NOT_FOUND}),
        )
        return status != _NOT_FOUND
