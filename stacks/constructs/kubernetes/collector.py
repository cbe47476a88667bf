"""The collector of traces as a sidecar of a pod."""

from typing import Any, Final

from stacks.constructs.trace_collector import CONTAINER, IMAGE, MEMORY_MIB, collector_variables

#: Thousandths of a processor.
MILLICPUS: Final = 64


def collector(*, region: str) -> dict[str, Any]:
    """Return the sidecar: an init container that stays. It ends after the replica, whose last spans it still sends."""
    return {
        "name": CONTAINER,
        "image": IMAGE,
        "restartPolicy": "Always",
        "env": [{"name": name, "value": value} for name, value in collector_variables(region).items()],
        "resources": {
            "requests": {"cpu": f"{MILLICPUS}m", "memory": f"{MEMORY_MIB}Mi"},
            "limits": {"memory": f"{MEMORY_MIB}Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
