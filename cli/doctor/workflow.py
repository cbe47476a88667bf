"""Check of a workflow against the runtimes of ComfyUI: their nodes, their limits, and the models in the bucket."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cli.doctor.finding import Clients, DoctorCheck, Finding, ok, problem, unknown
from cli.doctor.images_and_models import has_model
from cli.doctor.stacks import outputs_of
from cli.errors import WrongUsage
from contract.pipeline.node_list import core_nodes
from contract.pipeline.workflow_check import check_workflow
from stacks.config import Environment


def workflow_check(file: Path) -> DoctorCheck:
    """Return the check of the workflow in a file; raises WrongUsage if it holds no object."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise WrongUsage(f"{file} holds no workflow; export it with Workflow > Export (API)")
    return DoctorCheck("workflow", partial(_check, _graph_of(content)))


def _graph_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return the graph of a file, which may hold the whole task around it, as `darkroom submit` accepts it."""
    match content.get("task", content):
        case {"metadata": dict(), "content": dict() as graph}:
            return graph
    return content


def _check(content: dict[str, Any], environment: Environment, clients: Clients) -> Iterator[Finding]:
    runtimes = [runtime for runtime in environment.runtimes if runtime.type == "comfyui"]
    if not runtimes:
        yield problem("no runtime is of type comfyui", "add one to the environment file")
        return
    bucket = environment.model_bucket or outputs_of(environment, clients).get("ModelBucketName")
    if bucket is None:
        yield unknown("the deployment makes the model bucket, so models were not looked up")
    for runtime in runtimes:
        errors = check_workflow(
            content,
            runtime=runtime,
            nodes=core_nodes(),
            has_object=lambda key: bucket is None or has_model(bucket, key, clients),
        )
        for error in errors:
            yield problem(f"{runtime.name}: {error.field}: {error.message}")
        if not errors:
            yield ok(f"{runtime.name}: its ComfyUI has all nodes, and the bucket the models")
