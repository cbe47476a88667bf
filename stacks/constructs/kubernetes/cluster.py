"""The Kubernetes cluster of an environment: EKS Auto Mode, where AWS runs Karpenter, GPU plugins and pod identity."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, cast

from aws_cdk import Annotations, CfnElement, RemovalPolicy, Stack, aws_ec2, aws_eks_v2, aws_iam, aws_logs
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct, IConstruct

from stacks.constructs.acknowledgement import acknowledge, acknowledge_managed_policies, acknowledge_wildcard
from stacks.constructs.fleet_network import FleetNetwork
from stacks.constructs.kubernetes.names import Manifest
from stacks.constructs.log_group import RetainedLogGroup

#: Raised together with the layer that holds `kubectl`: it may be one version older or newer than the cluster.
VERSION: Final = aws_eks_v2.KubernetesVersion.V1_35

#: What EKS Auto Mode asks of the roles of cluster and nodes.
_CLUSTER_POLICIES: Final = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
_NODE_POLICIES: Final = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
#: Calls with which EKS makes nodes and their interfaces, and the tags of its own by which it knows them; from the user
#: guide of EKS, "Custom AWS tags for EKS Auto resources". Volumes of claims and load balancers are not used here.
_TAGGED_ACTIONS: Final = {
    ("ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"): (
        "kubernetes-node-class-name",
        "kubernetes-node-pool-name",
    ),
    ("ec2:CreateNetworkInterface",): ("kubernetes-cni-node-name",),
}
#: What the CDK gives its own functions, which run kubectl and helm.
_KUBECTL_POLICIES: Final = (
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AmazonEC2ContainerRegistryReadOnly",
)
_PUBLIC_IMAGES_POLICY: Final = "AmazonElasticContainerRegistryPublicReadOnly"


class KubernetesCluster(Construct):
    """The cluster, its administrators, and the way in which manifests and charts get into it.

    Only the node pool for the cluster's own pods is AWS's; GPUs come from the pools of the runtimes.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        network: FleetNetwork,
        administrators: Sequence[str],
        api_cidrs: Sequence[str],
        log_retention_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id_)
        logs = RetainedLogGroup(
            self,
            "Logs",
            # Where EKS writes; it would make the group by itself.
            name=f"/aws/eks/{name}/cluster",
            retention_days=log_retention_days,
            removal_policy=removal_policy,
        )
        self.node_role = aws_iam.Role(
            self,
            "NodeRole",
            assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[aws_iam.ManagedPolicy.from_aws_managed_policy_name(policy) for policy in _NODE_POLICIES],
        )
        self._eks = aws_eks_v2.Cluster(
            self,
            "Cluster",
            cluster_name=name,
            version=VERSION,
            vpc=network.vpc,
            vpc_subnets=[aws_ec2.SubnetSelection(subnets=network.subnets)],
            endpoint_access=_endpoint_access(api_cidrs),
            compute=aws_eks_v2.ComputeConfig(node_pools=["system"], node_role=self.node_role),
            bootstrap_cluster_creator_admin_permissions=False,
            cluster_logging=list(aws_eks_v2.ClusterLoggingTypes),
            kubectl_provider_options=aws_eks_v2.KubectlProviderOptions(kubectl_layer=KubectlV35Layer(self, "Kubectl")),
            # kubectl prunes no Karpenter and KEDA objects; what comes and goes is a resource of its own instead.
            prune=False,
        )
        self._eks.node.add_dependency(logs)
        self._allow_tags()
        # The library's own class lacks a member of its interface, as mypy sees it.
        self._target = cast("aws_eks_v2.ICluster", self._eks)
        for administrator in administrators:
            digest = hashlib.sha256(administrator.encode()).hexdigest()[:8]
            self._eks.grant_cluster_admin(f"Administrator{digest}", administrator)
        provider = self._eks.node.find_child("KubectlProvider")
        for part in provider.node.find_all():
            # The functions of the CDK make their log groups themselves, and never empty them.
            if isinstance(part, aws_logs.CfnLogGroup):
                part.retention_in_days = log_retention_days
                part.apply_removal_policy(removal_policy)
        self._acknowledge(public=bool(api_cidrs))
        self._acknowledge_kubectl(provider)

    @property
    def name(self) -> str:
        """The cluster's name, to be used where the cluster must exist first."""
        return self._eks.cluster_name

    @property
    def security_group_id(self) -> str:
        """The security group of nodes and control plane."""
        return self._eks.cluster_security_group_id

    def apply(
        self, id_: str, *manifests: Manifest, scope: Construct | None = None, overwrite: bool = False
    ) -> aws_eks_v2.KubernetesManifest:
        """Have objects made, changed and deleted together with a resource of the stack.

        An object that may be left out of a later deployment needs a resource of its own: what merely vanishes from a
        list stays in the cluster. `overwrite` takes over objects that somebody else has made already, which otherwise
        fails.
        """
        return aws_eks_v2.KubernetesManifest(
            scope or self, id_, cluster=self._target, manifest=list(manifests), overwrite=overwrite or None
        )

    def install(self, id_: str, *, chart: str, repository: str, version: str, namespace: str, values: Any) -> Construct:
        """Have a Helm chart installed, and wait until it works."""
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
        )

    def identify(self, id_: str, *, role: aws_iam.Role, namespace: str, service_account: str) -> Construct:
        """Hand a role to the pods of a service account; it must be there before the first of them starts."""
        return aws_eks_v2.CfnPodIdentityAssociation(
            role,
            id_,
            cluster_name=self.name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.role_arn,
        )

    def _allow_tags(self) -> None:
        """Let EKS put our tags on the nodes that it starts: its managed policies allow none but its own."""
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
        reason = "What is yet to be made has no name; only what is tagged as this cluster's, and as EKS's, may be made"
        acknowledge_wildcard(self._eks, "*", reason)

    def _acknowledge(self, *, public: bool) -> None:
        acknowledge_managed_policies(self.node_role, _NODE_POLICIES, "What EKS Auto Mode asks of a node's role")
        acknowledge_managed_policies(self._eks, _CLUSTER_POLICIES, "What EKS Auto Mode asks of a cluster's role")
        Annotations.of(self._eks).acknowledge_warning(
            "@aws-cdk/aws-eks:clusterMustManuallyTagSubnet", "Subnets are tagged for load balancers; there are none"
        )
        if public:
            acknowledge(self._eks, "AwsSolutions-EKS1", "The environment names the addresses that may reach the API")

    @staticmethod
    def _acknowledge_kubectl(provider: IConstruct) -> None:
        reason = "The CDK's own function for kubectl and helm, as the CDK makes it"
        acknowledge_managed_policies(provider, _KUBECTL_POLICIES, reason)
        handler = provider.node.find_child("Handler")
        stack = Stack.of(provider)
        function = stack.get_logical_id(cast("CfnElement", handler.node.default_child))
        acknowledge(provider, f"AwsSolutions-IAM5[Resource::<{function}.Arn>:*]", reason)
        acknowledge(handler, "AwsSolutions-L1", reason)
        # Public images are read in the partition that has them.
        condition = stack.get_logical_id(cast("CfnElement", handler.node.find_child("HasEcrPublic")))
        public_images = ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::aws:policy/{_PUBLIC_IMAGES_POLICY}"]]
        choice = {"Fn::If": [condition, {"Fn::Join": public_images}, {"Ref": "AWS::NoValue"}]}
        acknowledge(provider, f"AwsSolutions-IAM4[Policy::{json.dumps(choice, separators=(',', ':'))}]", reason)


def pod_principal(namespace: str, service_account: str) -> aws_iam.IPrincipal:
    """Return who assumes a role that EKS hands to the pods of one service account."""
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
