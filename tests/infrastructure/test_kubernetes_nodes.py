"""The GPU nodes on Kubernetes: how they are bought and tagged, who gets onto them, and when they go."""

import math
from pathlib import Path

import pytest

from stacks.config import Disk
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates

NAMESPACE = "runtime-sdruntime"


def test_spot_comes_first_and_on_demand_when_there_is_none(everything: Templates) -> None:
    spot = everything.manifest("NodePool", name="runtime-sdruntime-spot")["spec"]
    on_demand = everything.manifest("NodePool", name="runtime-sdruntime-on-demand")["spec"]
    assert spot["weight"] > on_demand["weight"]
    for pool, capacity_type in ((spot, "spot"), (on_demand, "on-demand")):
        requirements = {item["key"]: item["values"] for item in pool["template"]["spec"]["requirements"]}
        assert requirements["karpenter.sh/capacity-type"] == [capacity_type]
        assert "g5.xlarge" in requirements["node.kubernetes.io/instance-type"]
        assert "g5.12xlarge" not in requirements["node.kubernetes.io/instance-type"]
        # Spot finds the cheapest type; on demand, no type is much larger than a replica needs.
        assert pool["limits"] == {"nvidia.com/gpu": "4", "cpu": "256" if capacity_type == "spot" else "64"}


def test_an_option_that_is_not_bought_has_no_pool(everything: Templates) -> None:
    pools = [m["metadata"]["name"] for m in everything.manifests if m["kind"] == "NodePool"]
    assert pools == [
        "runtime-sdruntime-spot",
        "runtime-sdruntime-on-demand",
        "runtime-sd-xl-on-demand",
        "runtime-sd-xl-spot",
        "runtime-dynamic-on-demand",
    ]


def test_a_node_for_four_replicas_does_not_break_the_limit(everything: Templates) -> None:
    pool = everything.manifest("NodePool", name="runtime-dynamic-on-demand")["spec"]
    # Four replicas may be spread over two nodes of four GPUs while one of them stops.
    assert pool["limits"] == {"nvidia.com/gpu": "7", "cpu": "84"}


#: The local NVMe of g5.xlarge and g6.xlarge, the smallest types by default, has 232 GiB.
@pytest.mark.parametrize(("size_gib", "warnings"), [(231, 0), (232, 1)])
def test_synthesis_warns_of_a_disk_that_keeps_nvme_unused(
    everything: Templates, tmp_path: Path, size_gib: int, warnings: int
) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415  # starts Node, so only when it is needed

    from stacks.constructs.kubernetes.node_pools import warn_of_unused_nvme  # noqa: PLC0415  # as above

    runtime = everything.environment.runtimes[0].model_copy(update={"disk": Disk(size_gib=size_gib)})
    stack = Stack(App(outdir=str(tmp_path)), "Stack")
    warn_of_unused_nvme(stack, runtime)
    found = [entry.data for entry in stack.node.metadata if entry.type == "aws:cdk:warning"]
    assert len(found) == warnings
    assert all("g5.xlarge, g6.xlarge, because" in text and "write 231 or less" in text for text in found)


def test_no_node_in_use_is_removed_to_save_money(everything: Templates) -> None:
    for manifest in everything.manifests:
        if manifest["kind"] == "NodePool":
            assert manifest["spec"]["disruption"]["consolidationPolicy"] == "WhenEmpty"
    annotations = everything.manifest("Deployment", NAMESPACE)["spec"]["template"]["metadata"].get("annotations", {})
    # With it, a pod would hear nothing of a spot interruption.
    assert "karpenter.sh/do-not-disrupt" not in annotations


@pytest.mark.parametrize(("replicas", "ready"), [(1, 1), (2, 1), (20, 1), (20, 10), (20, 20)])
def test_every_ready_replica_is_told_of_a_spot_interruption_even_while_the_fleet_grows(
    everything: Templates, replicas: int, ready: int
) -> None:
    budget = everything.manifest("PodDisruptionBudget", NAMESPACE)["spec"]
    assert budget["selector"] == {
        "matchLabels": everything.manifest("Deployment", NAMESPACE)["spec"]["selector"]["matchLabels"]
    }
    percent = int(budget["maxUnavailable"].removesuffix("%"))
    # What the API server lets go: the ready ones beyond those that must stay, of all that there should be.
    must_stay = replicas - math.ceil(replicas * percent / 100)
    assert ready - must_stay >= ready
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_only_its_own_replicas_get_onto_a_node(everything: Templates) -> None:
    taints = everything.manifest("NodePool", name="runtime-sdruntime-spot")["spec"]["template"]["spec"]["taints"]
    pod = everything.manifest("Deployment", NAMESPACE)["spec"]["template"]["spec"]
    tolerated = {(item["key"], item.get("value")) for item in pod["tolerations"]}
    assert {(taint["key"], taint.get("value")) for taint in taints} == tolerated
    assert pod["nodeSelector"] == {"darkroom/runtime": "sdruntime"}


def test_nodes_have_the_environments_disk_in_the_private_subnets(everything: Templates) -> None:
    node_class = everything.manifest("NodeClass", name="runtime-sd-xl")["spec"]
    assert node_class["ephemeralStorage"] == {"size": "150Gi", "iops": 4000, "throughput": 750}
    subnets = [term["id"] for term in node_class["subnetSelectorTerms"]]
    assert len(subnets) == 2
    assert all(subnet.startswith("NetworkVpcPrivateSubnet") for subnet in subnets)


def test_gpu_instances_carry_the_environments_tags_and_eks_may_put_them_there(everything: Templates) -> None:
    tags = everything.manifest("NodeClass", name="runtime-sd-xl")["spec"]["tags"]
    assert tags == {"darkroom:environment": "everything", **everything.environment.tags}
    assert everything.environment.tags
    (policy,) = [
        policy.properties
        for policy in everything.resources("AWS::IAM::Policy")
        if [everything.flat(role) for role in policy.properties["Roles"]] == ["KubernetesClusterRole"]
    ]
    by_action = {
        action: (statement["Resource"], statement["Condition"])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert by_action.keys() == {
        "ec2:CreateFleet",
        "ec2:CreateLaunchTemplate",
        "ec2:CreateNetworkInterface",
        "ec2:RunInstances",
    }
    for resource, condition in by_action.values():
        assert resource == "*"
        # A role of this cluster makes nothing that is another's.
        assert condition["StringEquals"] == {
            "aws:RequestTag/eks:eks-cluster-name": "${aws:PrincipalTag/eks:eks-cluster-name}"
        }


@pytest.mark.slow
def test_an_existing_network_is_used_as_it_is(templates_of: TemplatesOf) -> None:
    existing = templates_of("existing")
    assert "Network" not in existing.stacks
    assert not existing.resources("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::VPCEndpoint")
    terms = existing.manifest("NodeClass")["spec"]["subnetSelectorTerms"]
    assert terms == [{"id": "subnet-0123456789abcdef0"}, {"id": "subnet-0123456789abcdef1"}]
