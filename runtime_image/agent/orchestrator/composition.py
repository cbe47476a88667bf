"""Which orchestrator the settings name."""

from runtime_image.agent.orchestrator.ecs import Ecs
from runtime_image.agent.orchestrator.kubernetes import Kubernetes
from runtime_image.agent.orchestrator.orchestrator import NoOrchestrator, Orchestrator
from runtime_image.agent.settings import AgentSettings


def build_orchestrator(settings: AgentSettings) -> Orchestrator:
    """Build the adapter; the settings have been checked to hold what it needs."""
    match settings.orchestrator:
        case "kubernetes":
            return Kubernetes(
                api_url=f"https://{_in_url(settings.kubernetes_service_host)}:{settings.kubernetes_service_port}",
                namespace=settings.pod_namespace,
                pod_name=settings.pod_name,
                service_account_directory=settings.service_account_directory,
            )
        case "ecs":
            return Ecs(agent_url=settings.ecs_agent_uri, metadata_url=settings.aws_ec2_metadata_service_endpoint)
        case "none":
            return NoOrchestrator()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
