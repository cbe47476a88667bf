"""Adapter of the orchestrator that the settings name."""

from runtime_image.agent.orchestrator.orchestrator import NoOrchestrator, Orchestrator
from runtime_image.agent.settings import AgentSettings


def build_orchestrator(settings: AgentSettings) -> Orchestrator:
    """Build the adapter; the settings have been checked to hold what it needs."""
    match settings.orchestrator:
        # Each imports an HTTP client: a tenth of a second, which only agents with an orchestrator should pay.
        case "kubernetes":
            from runtime_image.agent.orchestrator.kubernetes import Kubernetes  # noqa: PLC0415 - see above

            return Kubernetes(
                api_url=f"https://{_in_url(settings.kubernetes_service_host)}:{settings.kubernetes_service_port}",
                namespace=settings.pod_namespace,
                pod_name=settings.pod_name,
                service_account_directory=settings.service_account_directory,
            )
        case "ecs":
            from runtime_image.agent.orchestrator.ecs import Ecs  # noqa: PLC0415 - see above

            return Ecs(
                agent_url=settings.ecs_agent_uri,
                metadata_url=settings.ecs_container_metadata_uri_v4,
                ending_file=settings.ending_file,
            )
        case "none":
            return NoOrchestrator()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
