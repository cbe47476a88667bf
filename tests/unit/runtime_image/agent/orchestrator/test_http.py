"""What one endpoint answers goes into a header of the next call, if a header can carry it."""

import pytest

from runtime_image.agent.orchestrator.http import OrchestratorClient
from runtime_image.agent.orchestrator.orchestrator import OrchestratorRefused


def test_what_no_header_can_carry_is_a_refusal() -> None:
    client = OrchestratorClient(base_url="http://127.0.0.1:9")

    with pytest.raises(OrchestratorRefused, match="in a header"):
        client.call("GET", "/latest", headers={"X-aws-ec2-metadata-token": "<html>ü</html>"})
