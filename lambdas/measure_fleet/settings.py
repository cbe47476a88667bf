"""The settings of measure_fleet."""

from pydantic import Json

from contract.settings import Settings


class MeasureFleetSettings(Settings):
    """What is measured, and where the figures go."""

    environment: str
    cluster: str
    #: URL of the queue by runtime.
    queues: Json[dict[str, str]]
    #: Names of the services.
    services: Json[tuple[str, ...]]
    powertools_metrics_namespace: str
