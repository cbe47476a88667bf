"""Permissions of a replica in the cluster: the admission policy, evaluated as the API server does, patch by patch."""

from collections.abc import Callable
from copy import deepcopy
from functools import reduce
from typing import Any

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional

from runtime_image.agent.orchestrator.orchestrator import ANNOTATION
from tests.infrastructure.templates import Templates, without_hash

NAMESPACE = "runtime-sdruntime"
REPLICA = f"system:serviceaccount:{NAMESPACE}:runtime"
POD_NAME = "runtime-6d4cf56db6-x2v9k"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": POD_NAME,
        "namespace": NAMESPACE,
        "labels": {"darkroom/runtime": "sdruntime"},
        "annotations": {"checksum": "1"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "runtime-6d4cf56db6", "uid": "1"}],
    },
    "spec": {"containers": [{"name": "runtime", "image": "darkroom:1"}], "serviceAccountName": "runtime"},
}
OWN_COST = {"metadata": {"annotations": {ANNOTATION: "100"}}}


class AdmissionPolicy:
    """A ValidatingAdmissionPolicy; what cannot be evaluated is refused, as `failurePolicy: Fail` says."""

    def __init__(self, spec: dict[str, Any]) -> None:
        assert spec["failurePolicy"] == "Fail"
        self._spec = spec
        self._environment = cel.NewEnv(
            variables=dict.fromkeys(("object", "oldObject", "request", "variables"), cel.Type.DYN),
            extensions=[ext_optional.ExtOptional()],
        )

    def refuses(self, old: dict[str, Any], new: dict[str, Any], user: dict[str, Any]) -> bool:
        data: dict[str, Any] = {"object": new, "oldObject": old, "request": {"userInfo": user}}
        if not all(self._holds(condition["expression"], data) for condition in self._spec["matchConditions"]):
            return False
        data["variables"] = {
            variable["name"]: self._value(variable["expression"], data) for variable in self._spec["variables"]
        }
        return not all(self._holds(validation["expression"], data) for validation in self._spec["validations"])

    def _holds(self, expression: str, data: dict[str, Any]) -> bool:
        return self._value(expression, data) is True

    def _value(self, expression: str, data: dict[str, Any]) -> Any:
        value = self._environment.compile(expression).eval(data=data)
        return None if value.type() == cel.Type.ERROR else value.plain_value()


def merged(target: Any, patch: Any) -> Any:
    """Return what a JSON merge patch (RFC 7386), which agents send, makes of an object."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@pytest.fixture
def refuses(everything: Templates) -> Callable[..., bool]:
    """Return True if the cluster refuses a patch of a pod by a replica of the same runtime."""
    policy = AdmissionPolicy(everything.manifest("ValidatingAdmissionPolicy")["spec"])

    def refuses(
        *patches: dict[str, Any], pod: dict[str, Any] = POD, by: str = POD_NAME, username: str = REPLICA
    ) -> bool:
        user = {"username": username, "extra": {"authentication.kubernetes.io/pod-name": [by]}}
        return policy.refuses(deepcopy(pod), reduce(merged, patches, pod), user)

    return refuses


def test_a_replica_may_patch_pods_of_its_namespace_and_a_policy_confines_that(everything: Templates) -> None:
    assert everything.manifest("Role", NAMESPACE)["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}
    ]
    binding = everything.manifest("ValidatingAdmissionPolicyBinding")["spec"]
    policy = everything.manifest("ValidatingAdmissionPolicy")
    assert binding == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny", "Audit"]}
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["pods"], ["UPDATE"])


def test_a_replica_may_set_its_own_deletion_cost(refuses: Callable[..., bool]) -> None:
    assert not refuses(OWN_COST)
    assert not refuses(OWN_COST, pod=merged(POD, {"metadata": {"annotations": {ANNOTATION: "0"}}}))
    assert not refuses({"metadata": {"annotations": {ANNOTATION: None}}}, pod=merged(POD, OWN_COST))


def test_a_pod_without_annotations_and_labels_may_get_its_first(refuses: Callable[..., bool]) -> None:
    bare = merged(POD, {"metadata": {"annotations": None, "labels": None, "ownerReferences": None}})
    assert not refuses(OWN_COST, pod=bare)


def test_a_replica_may_not_touch_another_pod(refuses: Callable[..., bool]) -> None:
    assert refuses(OWN_COST, by="runtime-6d4cf56db6-other")


@pytest.mark.parametrize(
    "patch",
    [
        {"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}},
        {"metadata": {"annotations": {ANNOTATION: "1", "another": "1"}}},
        {"metadata": {"annotations": {"checksum": "2"}}},
        {"metadata": {"annotations": {"checksum": None}}},
        {"metadata": {"annotations": None}},
        {"metadata": {"labels": {"darkroom/runtime": "another"}}},
        {"metadata": {"labels": None}},
        {"metadata": {"finalizers": ["example.org/stay"]}},
        {"metadata": {"ownerReferences": None}},
        {"spec": {"containers": [{"name": "runtime", "image": "stranger:1"}]}},
        {"spec": {"activeDeadlineSeconds": 1}},
    ],
)
def test_a_replica_may_change_nothing_else_of_its_pod(patch: dict[str, Any], refuses: Callable[..., bool]) -> None:
    assert refuses(patch)
    assert refuses(patch, OWN_COST), "nor beside its deletion cost"


def test_a_token_that_names_no_pod_is_refused(everything: Templates) -> None:
    policy = AdmissionPolicy(everything.manifest("ValidatingAdmissionPolicy")["spec"])
    for user in ({"username": REPLICA}, {"username": REPLICA, "extra": {}}):
        assert policy.refuses(POD, merged(POD, OWN_COST), user)


def test_who_is_no_replica_is_none_of_the_policys_business(refuses: Callable[..., bool]) -> None:
    patch = {"metadata": {"labels": {"darkroom/runtime": "another"}}}
    assert not refuses(patch, username="system:serviceaccount:kube-system:replicaset-controller")


def test_the_policy_is_there_before_the_permission_that_it_limits(everything: Templates) -> None:
    """The network policies, too: without them a node limits nothing."""
    applied = {item.name: item.body for item in everything.resources("Custom::AWSCDK-EKS-KubernetesResource")}
    permissions = [body for name, body in applied.items() if name.endswith("Surroundings")]
    assert len(permissions) == len(everything.environment.runtimes)
    for body in permissions:
        earlier = {without_hash(name) for name in body["DependsOn"]}
        assert {"KubernetesAdmissionPolicy", "KubernetesNetworkPolicies"} <= earlier
