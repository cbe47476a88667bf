"""Runtime on Kubernetes: nodes, replicas, permissions and scaler, applied in order of their dependencies."""

from aws_cdk import Aws
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes import deployment, node_pools, rbac
from stacks.constructs.kubernetes.cluster import KubernetesCluster, pod_principal
from stacks.constructs.kubernetes.keda import Keda, scaled_object, trigger_authentication
from stacks.constructs.kubernetes.names import RUNTIME, namespace_of
from stacks.constructs.kubernetes.network_policy import network_policy
from stacks.constructs.runtime.environment_variables import runtime_environment, webui_container_environment
from stacks.constructs.runtime.role import RuntimeRole
from stacks.exports import EngineResources, QueueReference


class RuntimeOnKubernetes(Construct):
    """Resources of one runtime. Adding or removing it changes no resource of another runtime."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: KubernetesCluster,
        keda: Keda,
        resources: EngineResources,
        runtime: RuntimeConfig,
        queue: QueueReference,
        image: str,
    ) -> None:
        super().__init__(scope, id_)
        environment, storage = resources.environment, resources.storage
        role = RuntimeRole(
            self,
            "Role",
            assumed_by=pod_principal(namespace_of(runtime), RUNTIME),
            runtime_name=runtime.name,
            queue=queue,
            storage=storage,
            environment=environment,
        )
        self.role = role
        identity = cluster.identify("Identity", role=role, namespace=namespace_of(runtime), service_account=RUNTIME)

        surroundings = cluster.apply(
            "Surroundings",
            deployment.namespace(runtime),
            deployment.service_account(runtime),
            rbac.role(runtime),
            rbac.role_binding(runtime),
            network_policy(runtime, allowed_link_hosts=environment.allowed_link_hosts),
            deployment.disruption_budget(runtime),
            scope=self,
        )
        node_pools.warn_of_unused_nvme(self, runtime)
        nodes = cluster.apply(
            "NodeClass",
            node_pools.node_class(
                runtime,
                role_name=cluster.node_role.role_name,
                subnet_ids=cluster.network.subnet_ids,
                security_group_id=cluster.security_group_id,
                tags=environment.resource_tags,
            ),
            scope=self,
        )
        replicas = cluster.apply(
            "Deployment",
            deployment.deployment(
                runtime,
                image=image,
                environment=runtime_environment(runtime, environment, storage.runtime_resources(queue)),
                webui_environment=webui_container_environment(runtime, environment),
                region=Aws.REGION,
                tracing=environment.tracing,
            ),
            scope=self,
        )
        for capacity_type, manifest in node_pools.node_pools(runtime):
            pool = cluster.apply(f"NodePool{capacity_type.title().replace('-', '')}", manifest, scope=self)
            pool.node.add_dependency(nodes)
            replicas.node.add_dependency(pool)
        replicas.node.add_dependency(surroundings, identity)
        rule = cluster.apply(
            "Scaler",
            trigger_authentication(runtime),
            scaled_object(runtime, queue_url=queue.url, region=Aws.REGION),
            scope=self,
        )
        rule.node.add_dependency(replicas, keda.watch(self, "KedaPolicy", queue_arn=queue.arn))
