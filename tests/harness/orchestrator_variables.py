"""Variables of a container that its orchestrator sets."""

from typing import Final

#: Those of ECS and of Kubernetes, and those in which a deployment writes what only the pod knows.
SET_BY_ORCHESTRATORS: Final = frozenset(
    {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "ENDING_FILE",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "POD_NAME",
        "POD_NAMESPACE",
        "SERVICE_ACCOUNT_DIRECTORY",
    }
)
