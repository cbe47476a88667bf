"""What a replica may do in the cluster: set its own pod's deletion cost, and nothing else.

Roles of Kubernetes can confine a right to a kind in a namespace, not to one's own object, nor to one of its fields. So
the role lets a replica patch pods of its runtime, and an admission policy refuses every patch but the one.
"""

from typing import Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import NAMESPACE_PREFIX, RUNTIME, Manifest, metadata, namespace_of

#: The lower it is, the sooner a pod is deleted when there are too many.
DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
POLICY_NAME: Final = "darkroom-own-deletion-cost"

_POD_NAME: Final = "authentication.kubernetes.io/pod-name"


def role(runtime: RuntimeConfig) -> Manifest:
    """Return the right to patch pods of the runtime's namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(runtime),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}],
    }


def role_binding(runtime: RuntimeConfig) -> Manifest:
    """Return what gives that right to the runtime's service account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(runtime),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RUNTIME},
        "subjects": [{"kind": "ServiceAccount", "name": RUNTIME, "namespace": namespace_of(runtime)}],
    }


def admission_policy() -> Manifest:
    """Return what refuses everything else that the replicas of any runtime may ask for with that right."""
    annotations = "object.metadata.?annotations.orValue({})"
    old_annotations = "oldObject.metadata.?annotations.orValue({})"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY_NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}
                ]
            },
            "matchConditions": [
                {
                    "name": "by-a-replica",
                    "expression": f"request.userInfo.username.startsWith('system:serviceaccount:{NAMESPACE_PREFIX}')",
                }
            ],
            "variables": [
                {"name": "annotations", "expression": annotations},
                {"name": "oldAnnotations", "expression": old_annotations},
            ],
            "validations": [
                {
                    "expression": f"'{_POD_NAME}' in request.userInfo.extra"
                    f" && request.userInfo.extra['{_POD_NAME}'].exists(name, name == object.metadata.name)",
                    "message": "a replica may patch its own pod only",
                },
                {
                    "expression": f"variables.annotations.all(key, key == '{DELETION_COST}' ||"
                    " (key in variables.oldAnnotations && variables.oldAnnotations[key] == variables.annotations[key]))"
                    f" && variables.oldAnnotations.all(key, key == '{DELETION_COST}' || key in variables.annotations)",
                    "message": "a replica may change its deletion cost only, no other annotation",
                },
                {
                    "expression": "object.spec == oldObject.spec"
                    " && object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})"
                    " && object.metadata.?finalizers.orValue([]) == oldObject.metadata.?finalizers.orValue([])"
                    " && object.metadata.?ownerReferences.orValue([])"
                    " == oldObject.metadata.?ownerReferences.orValue([])",
                    "message": "a replica may change its deletion cost only, nothing else of its pod",
                },
            ],
        },
    }


def admission_policy_binding() -> Manifest:
    """Return what puts the policy into force."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": POLICY_NAME},
        "spec": {"policyName": POLICY_NAME, "validationActions": ["Deny", "Audit"]},
    }
