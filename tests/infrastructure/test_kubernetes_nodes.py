"""The GPU nodes on Kubernetes: how they are bought and tagged, who gets onto them, and when they go."""

import math
from typing import Any

import pytest

NAMESPACE = "runtime-sdruntime"


@pytest.fixture
def eks(templates_of: Any) -> Any:
    return templates_of("eks")


@pytest.fixture
def example(templates_of: Any) -> Any:
    return templates_of("example")


def test_spot_comes_first_and_on_demand_when_there_is_none(eks: Any) -> None:
    spot = eks.manifest("NodePool", name="runtime-sdruntime-spot")["spec"]
    on_demand = eks.manifest("NodePool", name="runtime-sdruntime-on-demand")["spec"]
    assert spot["weight"] > on_demand["weight"]
    for pool, capacity_type in ((spot, "spot"), (on_demand, "on-demand")):
        requirements = {item["key"]: item["values"] for item in pool["template"]["spec"]["requirements"]}
        assert requirements["karpenter.sh/capacity-type"] == [capacity_type]
        assert "g5.xlarge" in requirements["node.kubernetes.io/instance-type"]
        assert "g5.12xlarge" not in requirements["node.kubernetes.io/instance-type"]
        assert pool["limits"] == {"nvidia.com/gpu": "4"}


def test_an_option_that_is_not_bought_has_no_pool(templates_of: Any) -> None:
    pools = [m["metadata"]["name"] for m in templates_of("two-runtimes").manifests if m["kind"] == "NodePool"]
    assert pools == ["runtime-sdruntime-spot", "runtime-sdruntime-on-demand", "runtime-dynamic-on-demand"]


def test_a_node_for_four_replicas_does_not_break_the_limit(templates_of: Any) -> None:
    pool = templates_of("two-runtimes").manifest("NodePool", name="runtime-dynamic-on-demand")["spec"]
    # Four replicas may be spread over two nodes of four GPUs when one of them is about to go.
    assert pool["limits"] == {"nvidia.com/gpu": "7"}


def test_no_node_in_use_is_removed_to_save_money(eks: Any) -> None:
    for manifest in eks.manifests:
        if manifest["kind"] == "NodePool":
            assert manifest["spec"]["disruption"]["consolidationPolicy"] == "WhenEmpty"
    annotations = eks.manifest("Deployment", NAMESPACE)["spec"]["template"]["metadata"].get("annotations", {})
    # With it, a pod would hear nothing of a spot interruption.
    assert "karpenter.sh/do-not-disrupt" not in annotations


@pytest.mark.parametrize(("replicas", "ready"), [(1, 1), (2, 1), (20, 1), (20, 10), (20, 20)])
def test_every_ready_replica_is_told_of_a_spot_interruption_even_while_the_fleet_grows(
    eks: Any, replicas: int, ready: int
) -> None:
    budget = eks.manifest("PodDisruptionBudget", NAMESPACE)["spec"]
    assert budget["selector"] == {
        "matchLabels": eks.manifest("Deployment", NAMESPACE)["spec"]["selector"]["matchLabels"]
    }
    percent = int(budget["maxUnavailable"].removesuffix("%"))
    # What the API server lets go: the ready ones beyond those that must stay, of all that there should be.
    must_stay = replicas - math.ceil(replicas * percent / 100)
    assert ready - must_stay >= ready
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_only_its_own_replicas_get_onto_a_node(eks: Any) -> None:
    taints = eks.manifest("NodePool", name="runtime-sdruntime-spot")["spec"]["template"]["spec"]["taints"]
    pod = eks.manifest("Deployment", NAMESPACE)["spec"]["template"]["spec"]
    tolerated = {(item["key"], item.get("value")) for item in pod["tolerations"]}
    assert {(taint["key"], taint.get("value")) for taint in taints} == tolerated
    assert pod["nodeSelector"] == {"darkroom/runtime": "sdruntime"}


def test_nodes_have_the_environments_disk_in_the_private_subnets(example: Any) -> None:
    node_class = example.manifest("NodeClass", name="runtime-sd-xl")["spec"]
    assert node_class["ephemeralStorage"] == {"size": "150Gi", "iops": 4000, "throughput": 750}
    subnets = [term["id"] for term in node_class["subnetSelectorTerms"]]
    assert len(subnets) == 2
    assert all(subnet.startswith("NetworkVpcPrivateSubnet") for subnet in subnets)


def test_gpu_instances_carry_the_environments_tags_and_eks_may_put_them_there(example: Any) -> None:
    tags = example.manifest("NodeClass", name="runtime-sd-xl")["spec"]["tags"]
    assert tags == {"darkroom:environment": "example", **example.environment.tags}
    assert example.environment.tags
    (policy,) = [
        policy.properties
        for policy in example.resources("AWS::IAM::Policy")
        if [example.flat(role) for role in policy.properties["Roles"]] == ["KubernetesClusterRole"]
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


def test_an_existing_network_is_used_as_it_is(templates_of: Any) -> None:
    existing = templates_of("existing")
    assert "Network" not in existing.stacks
    assert not existing.resources("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::VPCEndpoint")
    terms = existing.manifest("NodeClass")["spec"]["subnetSelectorTerms"]
    assert terms == [{"id": "subnet-0123456789abcdef0"}, {"id": "subnet-0123456789abcdef1"}]
