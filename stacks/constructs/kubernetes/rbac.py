"""Permissions of a replica in the cluster: to set its own pod's deletion cost.

Roles of Kubernetes can limit a permission to a kind in a namespace, but not to the caller's object or to a field. So
the role allows a replica to patch pods of its runtime, and an admission policy refuses every other patch.
"""

from typing import Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import NAMESPACE_PREFIX, RUNTIME, Manifest, metadata, namespace_of

#: Annotation by which the pods with the lowest cost are deleted first.
DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
POLICY_NAME: Final = "darkroom-own-deletion-cost"

_POD_NAME: Final = "authentication.kubernetes.io/pod-name"


def role(runtime: RuntimeConfig) -> Manifest:
    """Return the permission to patch pods of the runtime's namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(runtime),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}],
    }


def role_binding(runtime: RuntimeConfig) -> Manifest:
    """Return the binding of that permission to the runtime's service account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(runtime),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RUNTIME},
        "subjects": [{"kind": "ServiceAccount", "name": RUNTIME, "namespace": namespace_of(runtime)}],
    }


def admission_policy() -> Manifest:
    """Return the policy that refuses every other use of that permission by replicas of any runtime."""
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
    """Return the binding that enforces the policy."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": POLICY_NAME},
        "spec": {"policyName": POLICY_NAME, "validationActions": ["Deny", "Audit"]},
    }
