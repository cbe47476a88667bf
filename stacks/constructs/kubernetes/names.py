"""Names that several Kubernetes objects of a runtime must agree on, and the shape of all objects."""

from typing import Any, Final

from stacks.config import RuntimeConfig

#: A Kubernetes object as it is sent to the API server.
Manifest = dict[str, Any]

#: Label of a node and of a pod: which runtime it is for. Its value is the runtime's name.
RUNTIME_LABEL: Final = "darkroom/runtime"
#: Namespaces of runtimes begin with it, so that no runtime can be called like one of the cluster's own.
NAMESPACE_PREFIX: Final = "runtime-"
#: Within its namespace, everything of a runtime has this name.
RUNTIME: Final = "runtime"


def namespace_of(runtime: RuntimeConfig) -> str:
    """Return the namespace of a runtime's objects."""
    return f"{NAMESPACE_PREFIX}{runtime.name}"


def metadata(runtime: RuntimeConfig, *, name: str = RUNTIME, **further: Any) -> dict[str, Any]:
    """Return the metadata of an object in a runtime's namespace."""
    return {"name": name, "namespace": namespace_of(runtime), "labels": {RUNTIME_LABEL: runtime.name}, **further}
