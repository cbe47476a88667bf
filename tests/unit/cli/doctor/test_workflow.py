"""Check of a workflow against what the runtimes of ComfyUI have."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.doctor.workflow import workflow_check
from cli.errors import WrongUsage
from stacks.config import Environment, RuntimeConfig
from tests.harness.workflows import documented_workflow
from tests.unit.cli.doctor.examined import ENVIRONMENT, findings
from tests.unit.cli.doctor.recorded_aws import AwsError

COMFYUI = ENVIRONMENT.model_copy(
    update={"runtimes": (*ENVIRONMENT.runtimes, RuntimeConfig(name="comfy", type="comfyui"))}
)


def messages(tmp_path: Path, graph: object, environment: Environment, *, models: tuple[str, ...]) -> list[str]:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(graph))

    def head(params: dict[str, Any]) -> dict[str, Any]:
        if params["Key"] not in models:
            raise AwsError("404")
        return {}

    found = findings(workflow_check(file).run, environment, s3__HeadObject=head)
    return [f"{finding.level}: {finding.message}" for finding in found]


def test_a_workflow_whose_nodes_and_models_are_there(tmp_path: Path) -> None:
    graph = documented_workflow()
    found = messages(tmp_path, graph, COMFYUI, models=("checkpoints/sd_xl_turbo_1.0.safetensors",))
    assert found == ["ok: comfy: its ComfyUI has all nodes, and the bucket the models"]


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_a_whole_task_is_checked_by_its_workflow(tmp_path: Path, is_wrapped: bool) -> None:
    task = {"metadata": {"id": "a", "tasktype": "pipeline"}, "content": documented_workflow()}
    models = ("checkpoints/sd_xl_turbo_1.0.safetensors",)
    found = messages(tmp_path, {"task": task} if is_wrapped else task, COMFYUI, models=models)
    assert found == ["ok: comfy: its ComfyUI has all nodes, and the bucket the models"]


def test_a_workflow_with_an_unknown_node_and_without_its_model(tmp_path: Path) -> None:
    graph = documented_workflow()
    graph["9"]["class_type"] = "SaveImages"
    node, model = sorted(messages(tmp_path, graph, COMFYUI, models=()), reverse=True)
    assert node.startswith("problem: comfy: task.content.9.class_type: ")
    assert "did you mean 'SaveImage'" in node
    assert model.startswith("problem: comfy: task.content.4.inputs.ckpt_name: ")


def test_an_environment_without_comfyui_runs_no_workflow(tmp_path: Path) -> None:
    assert messages(tmp_path, {}, ENVIRONMENT, models=()) == ["problem: no runtime is of type comfyui"]


@pytest.mark.parametrize("text", ["[]", "{", "", "[" * 100_000], ids=["list", "broken", "empty", "deep"])
def test_a_file_without_a_workflow_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(text)
    with pytest.raises(WrongUsage, match="holds no workflow"):
        workflow_check(file)
