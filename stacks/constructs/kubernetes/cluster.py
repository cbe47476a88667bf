"""Kubernetes cluster of an environment: EKS Auto Mode, in which AWS runs Karpenter, GPU plugins and pod identity."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

from aws_cdk import (
    Annotations,
    CfnResource,
    Duration,
    aws_ec2,
    aws_eks_v2,
    aws_iam,
    aws_logs,
)
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.kubernetes.names import Manifest
from stacks.constructs.nag_suppressions import suppress, suppress_managed_policies, suppress_wildcard
from stacks.constructs.retention import removal_policy_of
from stacks.constructs.runtime.gpu_network import GpuNetwork

#: Raise it together with the layer of `kubectl`, which may be one version older or newer than the cluster.
VERSION: Final = aws_eks_v2.KubernetesVersion.V1_36
#: Time for the pods of a chart, in which the first node of the cluster starts and pulls their images. The CDK's
#: function ends after 15 minutes, and an install that it cuts off would have to be repaired manually.
CHART_TIMEOUT: Final = Duration.minutes(12)

#: Policies that EKS Auto Mode requires of the roles of cluster and nodes.
_CLUSTER_POLICIES: Final = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
_NODE_POLICIES: Final = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
#: Calls with which EKS creates nodes and their interfaces, and EKS's own tags on them; from the user guide of EKS,
#: "Custom AWS tags for EKS Auto resources". Volumes of claims and load balancers are not used here.
_TAGGED_ACTIONS: Final = {
    ("ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"): (
        "kubernetes-node-class-name",
        "kubernetes-node-pool-name",
    ),
    ("ec2:CreateNetworkInterface",): ("kubernetes-cni-node-name",),
}


class KubernetesCluster(Construct):
    """Cluster with its administrators; it applies manifests and installs charts.

    AWS's node pool runs the cluster's own pods only. GPUs come from the pools of the runtimes.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        network: GpuNetwork,
        api_cidrs: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        self.network = network
        self.node_role = aws_iam.Role(
            self,
            "NodeRole",
            assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[aws_iam.ManagedPolicy.from_aws_managed_policy_name(policy) for policy in _NODE_POLICIES],
        )
        self._eks = aws_eks_v2.Cluster(
            self,
            "Cluster",
            cluster_name=environment.cluster_name,
            version=VERSION,
            vpc=network.vpc,
            vpc_subnets=[aws_ec2.SubnetSelection(subnets=network.subnets)],
            endpoint_access=_endpoint_access(api_cidrs),
            compute=aws_eks_v2.ComputeConfig(node_pools=["system"], node_role=self.node_role),
            bootstrap_cluster_creator_admin_permissions=False,
            cluster_logging=list(aws_eks_v2.ClusterLoggingTypes),
            kubectl_provider_options=aws_eks_v2.KubectlProviderOptions(kubectl_layer=KubectlV36Layer(self, "Kubectl")),
            # kubectl prunes no Karpenter and KEDA objects, so each removable object is its own resource.
            prune=False,
        )
        cluster = self._eks.node.default_child
        assert isinstance(cluster, aws_eks_v2.CfnCluster)  # noqa: S101  # narrows the type for mypy
        # The default continues after the standard support ends, at six times the price.
        cluster.upgrade_policy = aws_eks_v2.CfnCluster.UpgradePolicyProperty(support_type="STANDARD")
        self._limit_control_plane_logs(environment)
        self._allow_tags()
        # For mypy, the library's class lacks a member of its interface.
        self._target = cast("aws_eks_v2.ICluster", self._eks)
        for administrator in environment.administrators:
            digest = hashlib.sha256(administrator.encode()).hexdigest()[:8]
            self._eks.grant_cluster_admin(f"Administrator{digest}", administrator)
        provider = self._eks.node.find_child("KubectlProvider")
        # All manifests and charts depend on this barrier.
        barrier = self._eks.node.find_child("KubectlReadyBarrier")
        for part in provider.node.find_all():
            # The CDK creates the log groups of its functions without an expiry.
            if isinstance(part, aws_logs.CfnLogGroup):
                part.retention_in_days = environment.log_retention_days
                part.apply_removal_policy(removal_policy_of(environment))
                # A function that runs without its group creates it, and then the group of the template cannot be made.
                barrier.node.add_dependency(part)
        self._suppress_findings(public=bool(api_cidrs))

    @property
    def name(self) -> str:
        """Name of the cluster, as a reference that requires the cluster to exist."""
        return self._eks.cluster_name

    @property
    def security_group_id(self) -> str:
        """Security group of nodes and control plane."""
        return self._eks.cluster_security_group_id

    def apply(
        self, id_: str, *manifests: Manifest, scope: Construct | None = None, overwrite: bool = False
    ) -> aws_eks_v2.KubernetesManifest:
        """Create, change and delete objects together with a resource of the stack.

        An object that a later deployment may omit requires its own resource, because an object that only disappears
        from a list stays in the cluster. `overwrite` replaces an existing object, which otherwise is an error.
        """
        return aws_eks_v2.KubernetesManifest(
            scope or self, id_, cluster=self._target, manifest=list(manifests), overwrite=overwrite or None
        )

    def install(self, id_: str, *, chart: str, repository: str, version: str, namespace: str, values: Any) -> Construct:
        """Install a Helm chart, and wait until it is ready."""
        return aws_eks_v2.HelmChart(
            self,
            id_,
            cluster=self._target,
            chart=chart,
            repository=repository,
            version=version,
            namespace=namespace,
            release=chart,
            values=values,
            wait=True,
            timeout=CHART_TIMEOUT,
        )

    def identify(self, id_: str, *, role: aws_iam.Role, namespace: str, service_account: str) -> Construct:
        """Give a role to the pods of a service account. It must exist before the first of them starts."""
        return aws_eks_v2.CfnPodIdentityAssociation(
            role,
            id_,
            cluster_name=self.name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.role_arn,
        )

    def _limit_control_plane_logs(self, environment: Environment) -> None:
        """Set the retention of the control plane's logs, whose group may exist already.

        EKS creates it with a fixed name, again even after its deletion. A group of the template would make the second
        attempt of a first deployment fail.
        """
        group_name = f"/aws/eks/{environment.cluster_name}/cluster"
        retention = aws_logs.LogRetention(
            self,
            "LogRetention",
            log_group_name=group_name,
            # The parameter takes names; the days follow below.
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=removal_policy_of(environment),
        )
        resource = cast("CfnResource", retention.node.find_child("Resource"))
        resource.add_property_override("RetentionInDays", environment.log_retention_days)
        self._eks.node.add_dependency(retention)

    def _allow_tags(self) -> None:
        """Allow EKS to put our tags on the nodes that it starts. Its managed policies allow only its own tags."""
        of_this_cluster = {"aws:RequestTag/eks:eks-cluster-name": "${aws:PrincipalTag/eks:eks-cluster-name}"}
        for actions, own_tags in _TAGGED_ACTIONS.items():
            marked = {f"aws:RequestTag/eks:{tag}": "*" for tag in own_tags}
            self._eks.role.add_to_principal_policy(
                aws_iam.PolicyStatement(
                    actions=list(actions),
                    resources=["*"],
                    conditions={"StringEquals": of_this_cluster, "StringLike": marked},
                )
            )
        reason = "New resources have no name yet; the conditions require the tags of EKS and of this cluster"
        suppress_wildcard(self._eks, "*", reason)

    def _suppress_findings(self, *, public: bool) -> None:
        suppress_managed_policies(self.node_role, _NODE_POLICIES, "EKS Auto Mode requires them of a node's role")
        suppress_managed_policies(self._eks, _CLUSTER_POLICIES, "EKS Auto Mode requires them of a cluster's role")
        Annotations.of(self._eks).acknowledge_warning(
            "@aws-cdk/aws-eks:clusterMustManuallyTagSubnet", "Subnets are tagged for load balancers; there are none"
        )
        if public:
            suppress(self._eks, "AwsSolutions-EKS1", "The environment names the addresses that may reach the API")


def pod_principal(namespace: str, service_account: str) -> aws_iam.IPrincipal:
    """Return the principal of a role that EKS gives to the pods of one service account."""
    return aws_iam.SessionTagsPrincipal(
        aws_iam.ServicePrincipal(
            "pods.eks.amazonaws.com",
            conditions={
                "StringEquals": {
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        )
    )


def _endpoint_access(cidrs: Sequence[str]) -> aws_eks_v2.EndpointAccess:
    if not cidrs:
        return aws_eks_v2.EndpointAccess.PRIVATE
    return aws_eks_v2.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*cidrs)
