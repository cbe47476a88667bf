"""Runtime on ECS: one service for each way to buy its GPUs. The second replaces replicas that the first lacks."""

from typing import Final

from aws_cdk import Aws, aws_iam
from constructs import Construct

from stacks.config import Environment, RuntimeConfig
from stacks.constructs.ecs.cluster import EcsCluster
from stacks.constructs.ecs.service import RuntimeService
from stacks.constructs.ecs.task_definition import task_definition
from stacks.constructs.monitoring.cold_start_metrics import ColdStartMetrics
from stacks.constructs.monitoring.metrics import metric
from stacks.constructs.permissions import allow
from stacks.constructs.retention import TaskLogGroup
from stacks.constructs.runtime.environment_variables import runtime_environment, webui_container_environment
from stacks.constructs.runtime.images import RuntimeImages
from stacks.constructs.runtime.role import RuntimeRole
from stacks.exports import EngineResources, QueueReference, StorageExports

#: Minutes that replicas may need to start before substitutes are added. A node and a pull usually take five.
SUBSTITUTE_AFTER_MINUTES: Final = 10


class RuntimeOnEcs(Construct):
    """Resources of one runtime. Adding or removing it changes no resource of another runtime."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: EcsCluster,
        resources: EngineResources,
        runtime: RuntimeConfig,
        queue: QueueReference,
        images: RuntimeImages,
    ) -> None:
        super().__init__(scope, id_)
        environment, storage = resources.environment, resources.storage
        self._runtime = runtime
        logs = TaskLogGroup(self, "Logs", environment=environment)
        ColdStartMetrics(
            self,
            "ColdStart",
            log_group=logs,
            environment_name=environment.name,
            # ECS reports when an image was pulled, but not when the replica was requested.
            without=("NodeSeconds",),
        )
        definition = task_definition(
            self,
            "Task",
            runtime=runtime,
            family=f"{cluster.name}-{runtime.name}",
            image=images.uri_for(runtime),
            variables=runtime_environment(runtime, environment, storage.runtime_resources(queue)),
            webui_variables=webui_container_environment(runtime, environment),
            log_group=logs,
            tracing=environment.tracing,
            task_role=self._task_role(cluster, queue, storage, environment),
            execution_role=self._execution_role(images, logs),
        )
        self.services = [
            RuntimeService(
                self,
                purchase[0].upper() + purchase[1:],
                environment=environment,
                cluster=cluster,
                runtime=runtime,
                purchase=purchase,
                definition=definition,
                minimum=0 if position else runtime.scaling.min_replicas,
            )
            for position, purchase in enumerate(runtime.capacity.options)
        ]
        if runtime.scaling.max_replicas == 0:
            for service in self.services:
                service.scaling.remove_all(service.desired())
            return
        first, *substitutes = self.services
        self._scale_by_queue(first, environment)
        for substitute in substitutes:
            _scale_as_substitute(substitute, first)

    def _scale_by_queue(self, service: RuntimeService, environment: Environment) -> None:
        per_replica = self._runtime.scaling.tasks_per_replica
        runtime = self._runtime.name
        metrics = {
            "waiting": metric("MessagesWaiting", "Maximum", environment=environment.name, runtime=runtime),
            "in_flight": metric("MessagesInFlight", "Maximum", environment=environment.name, runtime=runtime),
            "desired": service.desired(),
        }
        needed = f"CEIL((waiting + in_flight) / {per_replica})"
        service.scaling.add_when_missing(f"{needed} - desired", metrics, minutes=1)
        # Each message in flight may occupy its own replica, which is not spare.
        service.scaling.remove_when_spare(f"desired - (in_flight + CEIL(waiting / {per_replica}))", metrics)

    def _task_role(
        self, cluster: EcsCluster, queue: QueueReference, storage: StorageExports, environment: Environment
    ) -> RuntimeRole:
        role = RuntimeRole(
            self,
            "Role",
            assumed_by=_tasks_of_this_account(),
            runtime_name=self._runtime.name,
            queue=queue,
            storage=storage,
            environment=environment,
        )
        allow(
            role,
            "ecs:UpdateTaskProtection",
            on=f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:task/{cluster.name}/*",
            wildcard_reason="A replica protects itself while it works, and gets its id when it starts",
        )
        return role

    def _execution_role(self, images: RuntimeImages, logs: TaskLogGroup) -> aws_iam.Role:
        """Return the role with which ECS starts a replica: its image, its secrets and its logs."""
        role = aws_iam.Role(self, "ExecutionRole", assumed_by=_tasks_of_this_account())
        allow(role, "logs:CreateLogStream", "logs:PutLogEvents", on=logs.log_group_arn)
        for arn in self._runtime.secrets.values():
            # A key of the secret's JSON may follow the ARN, and is not part of it.
            secret_arn = ":".join(arn.split(":")[:7])
            allow(role, "ssm:GetParameters" if ":ssm:" in arn else "secretsmanager:GetSecretValue", on=secret_arn)
        repository_arn = images.repository_arn_for(self._runtime)
        if repository_arn:
            allow(role, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", on=repository_arn)
            allow(
                role,
                "ecr:GetAuthorizationToken",
                on="*",
                wildcard_reason="A login to ECR is for the account as a whole; IAM takes no ARN",
            )
        return role


def _scale_as_substitute(service: RuntimeService, first: RuntimeService) -> None:
    metrics = {
        "desired": service.desired(),
        "first_desired": first.desired(),
        "first_running": first.running(),
    }
    missing_of_first = "IF(first_desired > first_running, first_desired - first_running, 0)"
    service.scaling.add_when_missing(f"{missing_of_first} - desired", metrics, minutes=SUBSTITUTE_AFTER_MINUTES)
    service.scaling.remove_when_spare(f"desired - {missing_of_first}", metrics)


def _tasks_of_this_account() -> aws_iam.IPrincipal:
    return aws_iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    )
