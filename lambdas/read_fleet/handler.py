"""Handler of requests about runtimes and the fleet."""

import os
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Json

from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.http.responses import json_response
from lambdas.read_fleet.fleet_metrics import FleetMetrics, MetricQuery, cold_start_queries, mean_cold_start
from lambdas.read_fleet.fleet_reader import FleetReader, HourlyPrice, fleet_queries
from lambdas.read_fleet.runtime_options import RuntimeDirectory
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.list_cache import ListCache
from lambdas.tasks.repository import CatalogueSettings, task_repository
from task_store.task_bucket import TaskBucket


class PricedRuntimes(HourlyPrice):
    """Price of a replica of each of these runtimes."""

    runtimes: list[str]


class ReadFleetSettings(CatalogueSettings, CrossOriginSettings):
    """Places of what the answers are made of."""

    environment: str
    engine: str
    task_bucket: str
    model_bucket: str
    webhook_dead_letter_queue_url: str
    #: Prices of replicas; a runtime without a known price is left out.
    replica_prices: Json[list[PricedRuntimes]]

    @property
    def prices(self) -> dict[str, HourlyPrice]:
        """Price of a replica by its runtime."""
        return {
            name: {"usd_per_hour": priced["usd_per_hour"], "basis": priced["basis"]}
            for priced in self.replica_prices
            for name in priced["runtimes"]
        }


@cache
def settings() -> ReadFleetSettings:
    """Read the settings of this process."""
    return ReadFleetSettings.from_environment(os.environ)


@cache
def directory() -> RuntimeDirectory:
    """Compose the description of runtimes."""
    return RuntimeDirectory(
        catalogue=settings().catalogue,
        repository=task_repository(settings()),
        models=CheckpointCatalogue(client=client("s3"), bucket=settings().model_bucket),
        lists=ListCache(bucket=TaskBucket(client=client("s3"), bucket=settings().task_bucket), now_ms=now_ms),
        cold_starts=lambda: mean_cold_start(settings().environment, cold_start_metrics()),
        now_ms=now_ms,
    )


@cache
def cold_start_metrics() -> FleetMetrics:
    """Compose the reader of the cold starts, which reads no metric of the runtimes."""
    return _metrics(list(cold_start_queries(settings().environment).values()))


def _metrics(queries: Sequence[MetricQuery]) -> FleetMetrics:
    return FleetMetrics(client=client("cloudwatch"), queries=queries, clock=time.monotonic, now_ms=now_ms)


@cache
def fleet() -> FleetReader:
    """Compose the reader of the fleet."""
    environment, engine, runtimes = settings().environment, settings().engine, settings().catalogue.runtimes
    return FleetReader(
        environment=environment,
        engine=engine,
        catalogue=settings().catalogue,
        tenancy=settings().tenancy,
        repository=task_repository(settings()),
        metrics=_metrics(fleet_queries(environment, engine, list(runtimes))),
        prices=settings().prices,
        undelivered_webhooks=undelivered_webhooks,
        now_ms=now_ms,
    )


def undelivered_webhooks() -> int:
    """Return the number of webhooks that no attempt could deliver."""
    name = "ApproximateNumberOfMessages"
    queue_url = settings().webhook_dead_letter_queue_url
    response = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(response["Attributes"][name])


@cache
def application() -> HttpApplication:
    """Compose the routes of this process."""
    app = HttpApplication(origins=settings().cors_origins, tenancy=settings().tenancy)

    @app.get("/v1alpha2/runtimes")
    def list_runtimes() -> Response[Any]:
        return json_response(directory().list())

    @app.get("/v1alpha2/runtimes/<name>")
    def show_runtime(name: str) -> Response[Any]:
        return json_response(directory().show(name))

    @app.get("/v1alpha2/fleet")
    def read_fleet() -> Response[Any]:
        tenant = app.caller().tenant
        return json_response(fleet().read(tenant=tenant))

    return app


handler = http_handler(application)
