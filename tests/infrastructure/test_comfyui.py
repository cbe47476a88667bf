"""Replicas of ComfyUI: what they have in addition to those of the SD Web UI, on either engine."""

import json
from pathlib import Path

import pytest

from stacks.config import Environment, RuntimeConfig
from stacks.config.image import CustomNode
from stacks.constructs.runtime.replica_limits import EXCHANGE_FOLDER, WEBUI_FOLDERS, WRITABLE_FOLDERS
from tests.infrastructure.ecs_replicas import container_named

PROJECT = Path(__file__).parents[2]
RUNTIME = RuntimeConfig(name="comfy", type="comfyui")


def test_both_containers_of_a_pod_write_to_one_folder_of_limited_size() -> None:
    from stacks.constructs.kubernetes.deployment import deployment  # noqa: PLC0415  # starts Node

    manifest = deployment(RUNTIME, image="image", environment={}, webui_environment={}, region="x", tracing=False)
    pod = manifest["spec"]["template"]["spec"]
    for name, folders in (("runtime", WRITABLE_FOLDERS), ("webui", WEBUI_FOLDERS)):
        (container,) = [container for container in pod["containers"] if container["name"] == name]
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {*folders.values(), EXCHANGE_FOLDER}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    # On disk, because a video has gigabytes.
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "exchange"]
    assert volume["emptyDir"] == {"sizeLimit": "50Gi"}


def test_both_containers_of_an_ecs_task_write_to_one_volume(tmp_path: Path) -> None:
    from aws_cdk import App, Stack, aws_iam  # noqa: PLC0415  # starts Node

    from stacks.constructs.ecs.task_definition import task_definition  # noqa: PLC0415  # see above
    from stacks.constructs.retention import TaskLogGroup  # noqa: PLC0415  # see above

    app = App(outdir=str(tmp_path))
    stack = Stack(app, "Test")
    role = aws_iam.Role(stack, "Role", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    task_definition(
        stack,
        "Task",
        runtime=RUNTIME,
        family="comfy",
        image="image",
        variables={},
        webui_variables={},
        log_group=TaskLogGroup(stack, "Logs", environment=Environment(name="test", runtimes=(RUNTIME,))),
        tracing=False,
        task_role=role,
        execution_role=role,
    )
    app.synth()
    resources = json.loads((tmp_path / "Test.template.json").read_text())["Resources"].values()
    (found,) = [resource for resource in resources if resource["Type"] == "AWS::ECS::TaskDefinition"]
    shared = {"SourceVolume": "exchange", "ContainerPath": EXCHANGE_FOLDER, "ReadOnly": False}
    for name in ("runtime", "webui"):
        assert shared in container_named(found["Properties"], name)["MountPoints"]
    assert "exchange" in {volume["Name"] for volume in found["Properties"]["Volumes"]}


@pytest.mark.slow
def test_an_image_is_built_for_each_engine_and_each_set_of_custom_nodes(tmp_path: Path) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415  # starts Node

    from stacks.constructs.runtime.images import RuntimeImages  # noqa: PLC0415  # see above

    node = CustomNode(repository="https://github.com/owner/nodes.git", commit="0123456789" * 4)
    app = App(outdir=str(tmp_path))
    images = RuntimeImages(Stack(app, "Test"), "Images", project=PROJECT)
    runtimes = [
        RuntimeConfig(name="a", dynamic_model=True),
        RuntimeConfig(name="b", type="comfyui"),
        RuntimeConfig(name="c", type="comfyui"),
        RuntimeConfig(name="d", type="comfyui", custom_nodes=(node,), allowed_nodes=("Upscale*",)),
    ]
    addresses = [images.uri_for(runtime) for runtime in runtimes]
    app.synth()

    assets = json.loads((tmp_path / "Test.assets.json").read_text())["dockerImages"].values()
    arguments = [asset["source"].get("dockerBuildArgs") for asset in assets]
    assert addresses[1] == addresses[2]
    assert sorted(arguments, key=str) == sorted(
        [
            None,
            {"RUNTIME_TYPE": "comfyui"},
            {"RUNTIME_TYPE": "comfyui", "CUSTOM_NODES": f"{node.repository}@{node.commit}"},
        ],
        key=str,
    )
