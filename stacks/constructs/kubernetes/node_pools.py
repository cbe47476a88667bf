"""GPU nodes of a runtime: instance types, purchase options, and when Karpenter removes nodes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from aws_cdk import Annotations
from constructs import IConstruct

from stacks.config import Purchase, PurchaseOption, RuntimeConfig
from stacks.config.capacity import PURCHASE_NAMES
from stacks.constructs.kubernetes.names import NAMESPACE_PREFIX, RUNTIME_LABEL, Manifest

#: A node is replaced after two weeks to get the fixes of newer images. EKS Auto Mode ends it after three.
EXPIRE_AFTER: Final = "336h"
#: Time that a stopping node waits for its pods. Each pod ends within its own grace period, which is shorter.
TERMINATION_GRACE_PERIOD: Final = "24h"
#: Time that an empty node stays. The next task may come soon, and starting a node takes longer than this costs.
CONSOLIDATE_AFTER: Final = "60s"


def node_class(
    runtime: RuntimeConfig,
    *,
    role_name: str,
    subnet_ids: Sequence[str],
    security_group_id: str,
    tags: Mapping[str, str],
) -> Manifest:
    """Return the configuration of a runtime's nodes: disk, network, role, and tags of instance, disk and interfaces.

    EKS Auto Mode itself puts images and pods on local NVMe that is larger than `size`. Families with GPUs pull images
    in parallel (SOCI) without a setting.
    """
    return {
        "apiVersion": "eks.amazonaws.com/v1",
        "kind": "NodeClass",
        "metadata": {"name": _name(runtime)},
        "spec": {
            "role": role_name,
            "subnetSelectorTerms": [{"id": subnet_id} for subnet_id in subnet_ids],
            "securityGroupSelectorTerms": [{"id": security_group_id}],
            "networkPolicy": "DefaultAllow",
            # A node has few pods. By default each node takes sixteen addresses in a row from its subnet.
            "advancedNetworking": {"ipv4PrefixSize": "32"},
            "networkPolicyEventLogs": "Disabled",
            "ephemeralStorage": {
                "size": f"{runtime.disk.size_gib}Gi",
                "iops": runtime.disk.iops,
                "throughput": runtime.disk.throughput_mibps,
            },
            "tags": dict(tags),
        },
    }


def warn_of_unused_nvme(scope: IConstruct, runtime: RuntimeConfig) -> None:
    """Add a warning of synthesis if the disk of a runtime keeps Auto Mode from using the local NVMe of its nodes."""
    unused = {i.name: i.local_nvme_gib for i in runtime.instances if 0 < i.local_nvme_gib <= runtime.disk.size_gib}
    if unused:
        Annotations.of(scope).add_warning_v2(
            f"darkroom:{runtime.name}-disk",
            f"runtime {runtime.name}: images and models are not on the local NVMe of {', '.join(unused)}, because"
            f" disk.sizeGib is not below its size; write {min(unused.values()) - 1} or less, or name larger"
            " instanceTypes",
        )


def node_pools(runtime: RuntimeConfig) -> Iterator[tuple[str, Manifest]]:
    """Yield a pool for each purchase option of the runtime, with Karpenter's name of the option."""
    for purchase, option in runtime.capacity.options.items():
        yield PURCHASE_NAMES[purchase], _node_pool(runtime, purchase, option)


def _node_pool(runtime: RuntimeConfig, purchase: Purchase, option: PurchaseOption) -> Manifest:
    instances = runtime.instances_bought(purchase)
    capacity_type = PURCHASE_NAMES[purchase]
    gpus = _gpu_limit(runtime)
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": f"{_name(runtime)}-{capacity_type}"},
        "spec": {
            "weight": option.priority,
            "limits": {"nvidia.com/gpu": str(gpus), "cpu": str(gpus * max(i.vcpus // i.gpus for i in instances))},
            "disruption": {
                # A node in use is never removed to save money, so consolidation cannot interrupt a task. The annotation
                # `do-not-disrupt` would also suppress the pods' warning of a spot interruption.
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": CONSOLIDATE_AFTER,
                "budgets": [{"nodes": "100%", "reasons": ["Empty"]}, {"nodes": "10%", "reasons": ["Drifted"]}],
            },
            "template": {
                "metadata": {"labels": {RUNTIME_LABEL: runtime.name}},
                "spec": {
                    "nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": _name(runtime)},
                    "expireAfter": EXPIRE_AFTER,
                    "terminationGracePeriod": TERMINATION_GRACE_PERIOD,
                    "taints": [
                        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
                        {"key": RUNTIME_LABEL, "value": runtime.name, "effect": "NoSchedule"},
                    ],
                    "requirements": [
                        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [capacity_type]},
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                        {
                            "key": "node.kubernetes.io/instance-type",
                            "operator": "In",
                            "values": [instance.name for instance in instances],
                        },
                    ],
                },
            },
        },
    }


def _gpu_limit(runtime: RuntimeConfig) -> int:
    """Return the GPUs of all replicas and the unused GPUs of the last node."""
    needed = runtime.scaling.max_replicas * runtime.gpus_per_replica
    return needed + max(instance.gpus for instance in runtime.instances) - runtime.gpus_per_replica


def _name(runtime: RuntimeConfig) -> str:
    return f"{NAMESPACE_PREFIX}{runtime.name}"
