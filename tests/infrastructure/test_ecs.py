"""Replicas on ECS: their containers, nodes and permissions."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stacks.constructs.runtime.replica_limits import WRITABLE_FOLDERS
from tests.infrastructure.booted_node import install
from tests.infrastructure.conftest import Synthesize, TemplatesOf
from tests.infrastructure.ecs_replicas import container_named, group_of, node_of, replica_of, services_of
from tests.infrastructure.templates import Templates, without_hash

PROJECT = Path(__file__).parents[2]


def rights_of(templates: Templates, role: str) -> dict[str, set[str]]:
    rights: dict[str, set[str]] = {}
    for policy in templates.resources("AWS::IAM::Policy"):
        if [templates.flat(item) for item in policy.properties["Roles"]] == [role]:
            for statement in policy.properties["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                resources = listed(statement["Resource"])
                for action in listed(statement["Action"]):
                    rights.setdefault(action, set()).update(templates.flat(item) for item in resources)
    return rights


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_a_replica_has_its_gpus_and_no_rights_on_its_node(fleet: Templates) -> None:
    for runtime in fleet.environment.runtimes:
        agent, webui = (replica_of(fleet, runtime.name, name=name) for name in ("runtime", "webui"))
        assert webui["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
        assert "ResourceRequirements" not in agent
        assert {"Name": "NVIDIA_VISIBLE_DEVICES", "Value": "void"} in agent["Environment"]
        assert (agent["User"], webui["User"]) == ("10001:10001", "10002:10002")
        for container in (agent, webui):
            assert container["ReadonlyRootFilesystem"] is True
            assert container["Privileged"] is False
            assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
            assert container["DockerSecurityOptions"] == ["no-new-privileges"]


def test_only_three_folders_are_writable_and_end_with_the_replica(fleet: Templates) -> None:
    for definition in fleet.resources("AWS::ECS::TaskDefinition"):
        replica = container_named(definition.properties, "runtime")
        writable = [mount for mount in replica["MountPoints"] if not mount["ReadOnly"]]
        paths = {mount["SourceVolume"]: mount["ContainerPath"] for mount in writable}
        assert sorted(paths.values()) == sorted(WRITABLE_FOLDERS.values())
        assert len(paths) == 3
        for volume in definition.properties["Volumes"]:
            if volume["Name"] not in paths:
                continue
            # A volume of Docker's has the owner of the image's folder; a folder of the node would be root's.
            assert volume["DockerVolumeConfiguration"] == {"Scope": "task", "Driver": "local"}


def test_a_stopping_replica_is_given_the_time_of_the_longest_task(ecs: Templates) -> None:
    for runtime in ecs.environment.runtimes:
        container = replica_of(ecs, runtime.name)
        seconds = container["StopTimeout"]
        assert seconds == runtime.stop_seconds > runtime.longest_task_seconds
        variables = {item["Name"]: item["Value"] for item in container["Environment"]}
        assert int(variables["GRACE_PERIOD_SECONDS"]) < seconds
        assert variables["ORCHESTRATOR"] == "ecs"
    # The node must not kill it earlier.
    seconds = ecs.environment.runtimes[0].stop_seconds
    assert f"ECS_CONTAINER_STOP_TIMEOUT={seconds}s" in node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]


def test_ecs_asks_what_the_image_asks_whether_a_replica_lives(fleet: Templates) -> None:
    dockerfile = (PROJECT / "runtime_image" / "Dockerfile").read_text(encoding="utf-8")
    (own,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", dockerfile, re.MULTILINE)
    for runtime in fleet.environment.runtimes:
        assert replica_of(fleet, runtime.name)["HealthCheck"]["Command"] == ["CMD", *json.loads(own)]


def test_as_many_replicas_fit_on_a_node_as_it_has_gpus_for(ecs: Templates) -> None:
    def share(runtime: str) -> tuple[int, int]:
        both = [replica_of(ecs, runtime, name=name) for name in ("runtime", "webui")]
        return sum(container["Memory"] for container in both), sum(container["Cpu"] for container in both)

    # g5.12xlarge: 4 GPUs, 48 processors, 192 GiB.
    memory, cpu = share("dynamic")
    assert 4 * memory < 192 * 1024
    assert 4 * cpu < 48 * 1024
    # The smallest of g5 and g6 with one GPU has 4 processors and 16 GiB.
    memory, cpu = share("sdruntime")
    assert 8 * 1024 < memory < 15 * 1024
    assert cpu < 4 * 1024


def test_each_way_to_buy_is_a_service_with_nodes_of_its_own(ecs: Templates) -> None:
    assert services_of(ecs).keys() == {"sdruntime-spot", "sdruntime-on-demand", "dynamic-on-demand"}
    spot = group_of(ecs, "sdruntime-spot")["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spot["OnDemandPercentageAboveBaseCapacity"] == spot["OnDemandBaseCapacity"] == 0
    assert spot["SpotAllocationStrategy"] == "price-capacity-optimized"
    for service in ("sdruntime-on-demand", "dynamic-on-demand"):
        distribution = group_of(ecs, service)["MixedInstancesPolicy"]["InstancesDistribution"]
        assert distribution["OnDemandPercentageAboveBaseCapacity"] == 100


@pytest.mark.parametrize(
    ("environment", "first", "substitute"),
    [
        ("ecs", "sdruntime-spot", "sdruntime-on-demand"),
        pytest.param("ecs-china", "sd-xl-on-demand", "sd-xl-spot", marks=pytest.mark.slow),
    ],
)
def test_the_option_with_the_higher_priority_follows_the_queue_and_the_other_substitutes(
    templates_of: TemplatesOf, environment: str, first: str, substitute: str
) -> None:
    templates = templates_of(environment)
    assert metrics_of_scaling(templates, first) == {"waiting", "in_flight", "desired"}
    assert metrics_of_scaling(templates, substitute) == {"desired", "first_desired", "first_running"}


def metrics_of_scaling(templates: Templates, service: str) -> set[str]:
    (target,) = [
        item.logical_id
        for item in templates.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        if item.properties["ResourceId"] == f"service/darkroom-{templates.environment.name}/{service}"
    ]
    policies = {
        item.logical_id
        for item in templates.resources("AWS::ApplicationAutoScaling::ScalingPolicy")
        if item.properties["ScalingTargetId"] == {"Ref": target}
    }
    return {
        metric["Id"]
        for alarm in templates.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["AlarmActions"][0].get("Ref") in policies
        for metric in alarm.properties["Metrics"]
        if "MetricStat" in metric
    }


def test_nodes_come_from_zero_and_go_only_when_nothing_runs_on_them(fleet: Templates) -> None:
    for item in fleet.resources("AWS::ECS::CapacityProvider"):
        provider = item.properties["AutoScalingGroupProvider"]
        assert provider["ManagedScaling"]["Status"] == "ENABLED"
        assert provider["ManagedScaling"]["TargetCapacity"] == 100
        assert provider["ManagedDraining"] == "ENABLED"
        assert provider["ManagedTerminationProtection"] == "ENABLED"
    for item in fleet.resources("AWS::AutoScaling::AutoScalingGroup"):
        assert item.properties["MinSize"] == "0"
        # Without it ECS cannot protect a node on which a task runs.
        assert item.properties["NewInstancesProtectedFromScaleIn"] is True
    assert group_of(fleet, next(iter(services_of(fleet))))["MaxSize"] == str(
        fleet.environment.runtimes[0].scaling.max_replicas
    )


def test_a_node_has_the_runtimes_disk_and_no_public_address(fleet: Templates) -> None:
    for service, runtime in (
        (name, name.removesuffix("-spot").removesuffix("-on-demand")) for name in services_of(fleet)
    ):
        (config,) = [item for item in fleet.environment.runtimes if item.name == runtime]
        node = node_of(fleet, service)
        (disk,) = node["BlockDeviceMappings"]
        assert disk["Ebs"]["VolumeSize"] == config.disk.size_gib
        assert disk["Ebs"]["Encrypted"] is True
        assert disk["Ebs"]["DeleteOnTermination"] is True
        # A program with access to the metadata may act as the node.
        assert node["MetadataOptions"]["HttpTokens"] == "required"
        assert node["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "\nECS_AWSVPC_BLOCK_IMDS=true\n" in node["UserData"]["Fn::Base64"]
        (interface,) = node["NetworkInterfaces"]
        assert interface["AssociatePublicIpAddress"] is False
        types = group_of(fleet, service)["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
        bought = config.instances_bought("spot" if service.endswith("-spot") else "onDemand")
        assert [item["InstanceType"] for item in types] == [instance.name for instance in bought]


def test_a_node_joins_its_cluster_whatever_becomes_of_its_disk(ecs: Templates, tmp_path: Path) -> None:
    script = node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]
    assert "ECS_CLUSTER=darkroom-ecs\n" in script
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n" in script
    log, config = tmp_path / "log", tmp_path / "ecs.config"
    programs = {
        "lsblk": 'printf "/dev/nvme0n1 Amazon Elastic Block Store\\n/dev/nvme1n1 Amazon EC2 NVMe Instance Storage\\n"',
        "mkfs.xfs": f'echo "mkfs.xfs $*" >> {log}; exit $MKFS_STATUS',
        "mount": f'echo "mount $*" >> {log}',
        "systemctl": f'echo "systemctl $*" >> {log}',
        "systemd-run": "true",
        "mkdir": "true",
    }
    install(programs, tmp_path)
    for status in ("0", "1"):
        log.unlink(missing_ok=True)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MKFS_STATUS": status}
        text = script.replace("/etc/ecs/ecs.config", str(config)).replace("/usr/local/bin", str(tmp_path))
        subprocess.run(["/bin/bash", "-c", text], env=environment, check=True)
        lines = log.read_text().splitlines()
        assert lines[:2] == ["systemctl stop docker.socket docker.service", "mkfs.xfs -f /dev/nvme1n1"]
        assert ("mount -o noatime /dev/nvme1n1 /var/lib/docker" in lines) == (status == "0")
        # Systemd cancels the start of ECS's agent with the stop of Docker. Without `--no-block` the script, which runs
        # before that start, would wait for it for ever.
        assert lines[-2:] == ["systemctl start docker.service", "systemctl enable --now --no-block ecs.service"]
    assert "ECS_CLUSTER=darkroom-ecs" in config.read_text()


def test_stopped_replicas_and_unused_images_do_not_fill_the_disk_of_a_node(ecs: Templates) -> None:
    script = node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]
    settings = dict(re.findall(r"^(ECS_\w+)=(.*)$", script, re.MULTILINE))
    # Until then the agent keeps the volumes of a stopped task, by default for three hours.
    assert settings["ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"] == "1m"
    # The agent removes no image if the behavior is `prefer-cached`, and pulls each image again if it is `default`.
    assert settings["ECS_IMAGE_PULL_BEHAVIOR"] == "once"
    # A node that is empty for some minutes keeps its image. By default the agent may remove it after an hour.
    assert settings["ECS_IMAGE_MINIMUM_CLEANUP_AGE"] == "24h"


def test_a_provider_waits_for_the_cluster_which_creates_the_role_of_ecs(fleet: Templates) -> None:
    (cluster,) = fleet.resources("AWS::ECS::Cluster")
    for provider in fleet.resources("AWS::ECS::CapacityProvider"):
        assert cluster.logical_id in provider.body["DependsOn"]


def test_nothing_is_paid_for_metrics_that_nothing_reads(fleet: Templates) -> None:
    (cluster,) = fleet.resources("AWS::ECS::Cluster")
    assert cluster.properties["ClusterSettings"] == [{"Name": "containerInsights", "Value": "disabled"}]
    for template in fleet.resources("AWS::EC2::LaunchTemplate"):
        assert template.properties["LaunchTemplateData"]["Monitoring"] == {"Enabled": False}


def test_a_node_tells_its_replicas_that_it_is_taken_away(ecs: Templates, tmp_path: Path) -> None:
    script = node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]
    replica = replica_of(ecs, "sdruntime")
    variables = {item["Name"]: item["Value"] for item in replica["Environment"]}
    (mount,) = [mount for mount in replica["MountPoints"] if mount["ReadOnly"]]
    (definition, *_) = ecs.resources("AWS::ECS::TaskDefinition")
    (host,) = [v["Host"]["SourcePath"] for v in definition.properties["Volumes"] if v["Name"] == mount["SourceVolume"]]
    folder = tmp_path / "run"
    looks, told = tmp_path / "looks", folder / variables["ENDING_FILE"].removeprefix(f"{mount['ContainerPath']}/")
    programs = {
        # No notice at the first two looks; the token is one that only a PUT gives.
        "curl": f"""
case "$*" in
  *"-X PUT"*api/token) echo secret ;;
  *"X-aws-ec2-metadata-token: secret"*spot/instance-action)
    test ! -e {told} && echo look >> {looks} && test "$(wc -l < {looks})" -ge 3 ;;
  *) exit 22 ;;
esac""",
        "sleep": "true",
        "systemd-run": 'exec "${@: -1}"',
        "lsblk": "true",
        "systemctl": "true",
    }
    install(programs, tmp_path)
    text = script.replace("/etc/ecs/ecs.config", str(tmp_path / "config")).replace("/usr/local/bin", str(tmp_path))
    text = text.replace(host, str(folder))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["/bin/bash", "-c", text], env=environment, check=True, timeout=60)
    assert looks.read_text().count("look") == 3
    assert told.exists()


def test_ecs_takes_the_security_options_of_a_replica(ecs: Templates) -> None:
    # Its agent places no container with such options on a node that does not say so.
    assert "\nECS_SELINUX_CAPABLE=true\n" in node_of(ecs, "sdruntime-spot")["UserData"]["Fn::Base64"]


def test_every_container_knows_its_region(fleet: Templates) -> None:
    """ECS's agents before 2026 do not set it on EC2, and every AWS client requires it."""
    for definition in fleet.resources("AWS::ECS::TaskDefinition"):
        for container in definition.properties["ContainerDefinitions"]:
            if container["Name"] == "webui":
                continue
            variables = {item["Name"]: item["Value"] for item in container["Environment"]}
            assert variables["AWS_REGION"] == {"Ref": "AWS::Region"} or variables["AWS_REGION"] == (
                fleet.environment.region
            )


def test_a_cold_start_has_a_metric_for_each_part_that_a_replica_is_told(ecs: Templates) -> None:
    metrics = {
        item.properties["MetricTransformations"][0]["MetricName"] for item in ecs.resources("AWS::Logs::MetricFilter")
    }
    assert metrics == {"PullSeconds", "ModelSeconds", "WebUiSeconds", "ReadySeconds", "FirstTaskSeconds", "BusyShare"}


def test_replicas_have_an_address_of_their_own_that_nobody_can_call(fleet: Templates) -> None:
    (group,) = [item.properties for item in fleet.resources("AWS::EC2::SecurityGroup") if item.stack == "Ecs"]
    assert "SecurityGroupIngress" not in group
    assert not [item for item in fleet.resources("AWS::EC2::SecurityGroupIngress") if item.stack == "Ecs"]
    for service in services_of(fleet).values():
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert len(network["Subnets"]) == 2


def test_a_replica_may_use_its_own_queue_and_protect_itself(ecs: Templates) -> None:
    rights = rights_of(ecs, "RuntimeSdruntimeRole")
    assert rights["sqs:ReceiveMessage"] == {"RuntimeSdruntimeQueue.Arn", "RuntimeSdruntimeLowPriorityQueue.Arn"}
    assert rights["ecs:UpdateTaskProtection"] == {
        "arn:AWS::Partition:ecs:AWS::Region:AWS::AccountId:task/darkroom-ecs/*"
    }
    assert {action for action in rights if action.startswith("ecs:")} == {"ecs:UpdateTaskProtection"}


def test_starting_a_replica_takes_its_image_and_its_logs_and_nothing_else(ecs: Templates) -> None:
    logs = {action: {"RuntimeSdruntimeLogs.Arn"} for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    repository = "arn:AWS::Partition:ecr:eu-central-1:123456789012:repository/darkroom"
    assert rights_of(ecs, "RuntimeSdruntimeExecutionRole") == {
        **logs,
        "ecr:BatchGetImage": {repository},
        "ecr:GetDownloadUrlForLayer": {repository},
        "ecr:GetAuthorizationToken": {"*"},
    }
    # The other one's image is not in ECR, and it has secrets.
    assert rights_of(ecs, "RuntimeDynamicExecutionRole") == {
        "logs:CreateLogStream": {"RuntimeDynamicLogs.Arn"},
        "logs:PutLogEvents": {"RuntimeDynamicLogs.Arn"},
        "secretsmanager:GetSecretValue": {"arn:aws:secretsmanager:eu-central-1:123456789012:secret:hub-AbCdEf"},
        "ssm:GetParameters": {"arn:aws:ssm:eu-central-1:123456789012:parameter/licence"},
    }


def test_secrets_are_handed_over_by_name_only(ecs: Templates) -> None:
    container = replica_of(ecs, "dynamic")
    secrets = {item["Name"]: item["ValueFrom"] for item in container["Secrets"]}
    assert secrets == ecs.environment.runtimes[1].secrets
    assert not secrets.keys() & {item["Name"] for item in container["Environment"]}


def test_only_tasks_of_this_account_get_the_roles(fleet: Templates) -> None:
    for role in fleet.resources("AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            if statement["Principal"].get("Service") == "ecs-tasks.amazonaws.com":
                assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]


@pytest.fixture
def traced(ecs: Templates, synthesize: Synthesize) -> Templates:
    runtimes = ecs.environment.runtimes[:1]
    return synthesize(ecs.environment.model_copy(update={"tracing": True, "runtimes": runtimes}))


@pytest.mark.slow
def test_traced_replicas_hand_their_spans_to_a_collector_that_outlives_them(ecs: Templates, traced: Templates) -> None:
    (definition,) = traced.resources("AWS::ECS::TaskDefinition")
    replica, beside = (container_named(definition.properties, name) for name in ("runtime", "collector"))
    assert "AWS_REGION" in {item["Name"] for item in beside["Environment"]}
    variables = {item["Name"]: item["Value"] for item in replica["Environment"]}
    (configuration,) = [item["Value"] for item in beside["Environment"] if item["Name"] == "AOT_CONFIG_CONTENT"]
    receiver = json.loads(configuration)["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{receiver}"
    assert {"ContainerName": beside["Name"], "Condition": "START"} in replica["DependsOn"]
    assert beside["Essential"] is False
    assert rights_of(traced, "RuntimeSdruntimeRole")["xray:PutTraceSegments"] == {"*"}
    for definition in ecs.resources("AWS::ECS::TaskDefinition"):
        replica = container_named(definition.properties, "runtime")
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in {item["Name"] for item in replica["Environment"]}


def test_a_first_deployment_starts_nothing_that_was_not_asked_for(ecs: Templates) -> None:
    desired = {name: service["DesiredCount"] for name, service in services_of(ecs).items()}
    assert desired == {"sdruntime-spot": 0, "sdruntime-on-demand": 0, "dynamic-on-demand": 1}


def test_a_new_release_needs_no_gpu_beyond_those_that_are_allowed(fleet: Templates) -> None:
    for service in services_of(fleet).values():
        configuration = service["DeploymentConfiguration"]
        assert (configuration["MinimumHealthyPercent"], configuration["MaximumPercent"]) == (0, 100)


@pytest.mark.slow
def test_a_runtime_that_is_added_touches_nothing_of_the_others(ecs: Templates, synthesize: Synthesize) -> None:
    smaller = synthesize(ecs.environment.model_copy(update={"runtimes": ecs.environment.runtimes[:1]}))
    before, after = smaller.stacks["Ecs"]["Resources"], ecs.stacks["Ecs"]["Resources"]
    changed = {name for name in before if before[name] != after.get(name)}
    # The list of all capacity providers of the cluster, and that of all services that are measured.
    assert {ecs.named(without_hash(name), after[name]["Type"]).name for name in changed} == {
        "EcsCapacity",
        "MeasureFleet",
        "MeasureFleetRoleDefaultPolicy",
    }
    assert json.dumps(ecs.stacks["Ecs"]).count("Fn::ImportValue") > 0
