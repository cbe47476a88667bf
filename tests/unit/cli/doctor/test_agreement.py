"""Agreement of the doctor with the parts whose names it checks."""

import inspect

from cli.doctor import deployed
from runtime_image.agent.telemetry import metrics, replica_report


def test_the_metric_is_the_agents() -> None:
    assert metrics.NAMESPACE == deployed.METRICS_NAMESPACE
    assert f'"{deployed.REPLICA_METRIC}"' in inspect.getsource(replica_report)
