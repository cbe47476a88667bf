"""Names that the Kubernetes objects of a runtime share, and the type of all objects."""

from typing import Any, Final

from stacks.config import RuntimeConfig

#: Kubernetes object as the API server receives it.
Manifest = dict[str, Any]

#: Label of nodes and pods with their runtime's name.
RUNTIME_LABEL: Final = "darkroom/runtime"
#: Prefix of the runtimes' namespaces, so that no runtime gets the name of one of the cluster's own.
NAMESPACE_PREFIX: Final = "runtime-"
#: Name of every object in a runtime's namespace.
RUNTIME: Final = "runtime"
#: Name of the Web UI's container in a pod. The agent's container has the name of the runtime's objects.
WEBUI: Final = "webui"


def namespace_of(runtime: RuntimeConfig) -> str:
    """Return the namespace of a runtime's objects."""
    return f"{NAMESPACE_PREFIX}{runtime.name}"


def metadata(runtime: RuntimeConfig, *, name: str = RUNTIME, **further: Any) -> dict[str, Any]:
    """Return the metadata of an object in a runtime's namespace."""
    return {"name": name, "namespace": namespace_of(runtime), "labels": {RUNTIME_LABEL: runtime.name}, **further}
