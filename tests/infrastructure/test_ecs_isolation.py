"""Isolation of replicas on ECS: a Web UI without keys, and a limited way out."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from stacks.constructs.runtime.environment_variables import webui_container_environment
from stacks.constructs.runtime.images import WEBUI_HOST_COMMAND
from stacks.constructs.runtime.replica_limits import WEBUI_FOLDERS
from tests.infrastructure.conftest import Synthesize
from tests.infrastructure.ecs_replicas import replica_of
from tests.infrastructure.templates import Templates


def test_the_web_ui_has_no_keys(fleet: Templates) -> None:
    for runtime in fleet.environment.runtimes:
        webui, agent = (replica_of(fleet, runtime.name, name=name) for name in ("webui", "runtime"))
        variables = {item["Name"]: item["Value"] for item in webui["Environment"]}
        assert variables == webui_container_environment(runtime, fleet.environment)
        assert "Secrets" not in webui
        assert webui["EntryPoint"] == list(WEBUI_HOST_COMMAND)
        assert webui["MountPoints"] == [{"ContainerPath": "/models", "ReadOnly": True, "SourceVolume": "models"}]
        # A file beyond the limit is an error of its task.
        folders = {item["ContainerPath"]: item["Size"] for item in webui["LinuxParameters"]["Tmpfs"]}
        assert folders == dict.fromkeys(WEBUI_FOLDERS.values(), 256)
        # It starts first and stops last, because the agent's tasks need it until their end.
        assert {"ContainerName": "webui", "Condition": "START"} in agent["DependsOn"]
        assert webui["Essential"] is True
        assert webui["StopTimeout"] == runtime.stop_seconds
    for definition in fleet.resources("AWS::ECS::TaskDefinition"):
        assert "PidMode" not in definition.properties


def test_replicas_reach_public_addresses_and_services_only(fleet: Templates) -> None:
    (group,) = [item.properties for item in fleet.resources("AWS::EC2::SecurityGroup") if item.stack == "Ecs"]
    rules = [
        (ip_network(rule["CidrIp"]), rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        for rule in group["SecurityGroupEgress"]
    ]
    assert len(rules) <= 60, "AWS's limit"

    def is_allowed(address: str, port: int, protocol: str = "tcp") -> bool:
        return any(
            ip_address(address) in network and protocol == of and first <= port <= last
            for network, of, first, last in rules
        )

    for address in ("1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.1", "192.167.1.1", "223.1.1.1"):
        assert is_allowed(address, 1)
        assert is_allowed(address, 65535)
        assert not is_allowed(address, 443, "udp")
    for address in ("10.20.1.1", "100.64.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"):
        assert is_allowed(address, 443)
        assert is_allowed(address, 53, "udp")
        assert not is_allowed(address, 5432)
        assert not is_allowed(address, 22)


def test_too_many_ports_of_link_hosts_are_refused(ecs: Templates, synthesize: Synthesize) -> None:
    hosts = tuple(f"images.internal:{port}" for port in range(8001, 8010))
    with pytest.raises(ValueError, match=r"allowedLinkHosts: the hosts have 10 ports, .* rules for 3"):
        synthesize(ecs.environment.model_copy(update={"allowed_link_hosts": hosts}))


def test_a_replica_reads_the_messages_of_its_runtime_only(fleet: Templates) -> None:
    for runtime in fleet.environment.runtimes:
        role = fleet.named(f"Runtime{runtime.pascal_name}RoleDefaultPolicy", "AWS::IAM::Policy")
        resources = {
            fleet.flat(resource)
            for statement in role.properties["PolicyDocument"]["Statement"]
            if any(action.startswith("s3:") for action in as_list(statement["Action"]))
            for resource in as_list(statement["Resource"])
        }
        assert {resource for resource in resources if resource.startswith("TaskBucket")} == {
            f"TaskBucket.Arn/messages/{runtime.name}/*",
            "TaskBucket.Arn/uploads/*",
        }
        # A bucket that a role may list shows it the keys of other callers.
        assert {resource for resource in resources if resource.endswith("Bucket.Arn")} <= {"ModelBucket.Arn"}


def test_a_replica_reads_the_uploads_and_outputs_that_a_task_links(fleet: Templates) -> None:
    for runtime in fleet.environment.runtimes:
        role = fleet.named(f"Runtime{runtime.pascal_name}RoleDefaultPolicy", "AWS::IAM::Policy")
        conditions = {
            fleet.flat(resource): statement.get("Condition")
            for statement in role.properties["PolicyDocument"]["Statement"]
            if "s3:GetObject" in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        linked = {"StringEquals": {"s3:ExistingObjectTag/linked": "true"}}
        assert conditions["TaskBucket.Arn/uploads/*"] == conditions["OutputBucket.Arn/*"] == linked


def test_a_replica_replaces_no_output(fleet: Templates) -> None:
    for runtime in fleet.environment.runtimes:
        role = fleet.named(f"Runtime{runtime.pascal_name}RoleDefaultPolicy", "AWS::IAM::Policy")
        writes = {
            fleet.flat(statement["Resource"]): statement.get("Condition")
            for statement in role.properties["PolicyDocument"]["Statement"]
            if "s3:PutObject" in as_list(statement["Action"])
        }
        assert writes == {
            "OutputBucket.Arn/*": {"Null": {"s3:if-none-match": "false"}},
            "OutputBucket.Arn/*-preview.*": None,
        }


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
