"""Runtime on Kubernetes: nodes, replicas, permissions and scaler, applied in order of their dependencies."""

from collections.abc import Mapping

from aws_cdk import Aws
from constructs import Construct

from stacks.config import Environment, RuntimeConfig
from stacks.constructs.kubernetes import deployment, node_pools, rbac
from stacks.constructs.kubernetes.cluster import KubernetesCluster, pod_principal
from stacks.constructs.kubernetes.keda import Keda, scaled_object, trigger_authentication
from stacks.constructs.kubernetes.names import RUNTIME, namespace_of
from stacks.constructs.kubernetes.network_policy import network_policy
from stacks.constructs.runtime.environment_variables import webui_container_environment
from stacks.constructs.runtime.role import RuntimeRole
from stacks.exports import QueueReference, StorageExports


class RuntimeOnKubernetes(Construct):
    """Resources of one runtime. Adding or removing it changes no resource of another runtime."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: KubernetesCluster,
        keda: Keda,
        environment: Environment,
        runtime: RuntimeConfig,
        queue: QueueReference,
        storage: StorageExports,
        image: str,
        variables: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id_)
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
                environment=variables,
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
