"""GPU nodes of a runtime with one purchase option: an Auto Scaling group that ECS scales."""

from typing import Final

from aws_cdk import Duration, aws_autoscaling, aws_ec2, aws_ecs
from constructs import Construct

from stacks.config import Purchase, RuntimeConfig
from stacks.constructs.ecs.cluster import EcsCluster
from stacks.constructs.ecs.user_data import user_data
from stacks.constructs.nag_suppressions import suppress

#: AWS's image for ECS on GPUs (Amazon Linux 2023 with driver, toolkit and agent), the newest at deployment.
IMAGE_PARAMETER: Final = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
#: Percent of the nodes that tasks should use: no node waits empty for tasks that may not come.
TARGET_CAPACITY_PERCENT: Final = 100
#: Nodes that are started at once, at most: all missing ones (ECS's own limit).
MAX_STEP: Final = 10_000
#: Days after which an empty node is replaced. A node with replicas is protected and keeps its image until its last
#: replica stops; docs/how-to/deployment.md says how to replace the nodes of a busy runtime.
MAX_NODE_DAYS: Final = 14


class GpuNodes(Construct):
    """Nodes behind the capacity provider `provider`, which a service names."""

    def __init__(
        self, scope: Construct, id_: str, *, cluster: EcsCluster, runtime: RuntimeConfig, purchase: Purchase
    ) -> None:
        super().__init__(scope, id_)
        self._runtime = runtime
        group = aws_autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=cluster.network.vpc,
            vpc_subnets=aws_ec2.SubnetSelection(subnets=cluster.network.subnets),
            min_capacity=0,
            max_capacity=runtime.scaling.max_replicas,
            mixed_instances_policy=aws_autoscaling.MixedInstancesPolicy(
                launch_template=self._launch_template(cluster),
                launch_template_overrides=[
                    aws_autoscaling.LaunchTemplateOverrides(instance_type=aws_ec2.InstanceType(instance.name))
                    for instance in runtime.instances_bought(purchase)
                ],
                instances_distribution=_distribution(purchase),
            ),
            # ECS protects each node on which a task runs.
            new_instances_protected_from_scale_in=True,
            max_instance_lifetime=Duration.days(MAX_NODE_DAYS),
        )
        suppress(
            group,
            "AwsSolutions-AS3",
            "Nodes start and stop with the queue all day, and a message for each would hide those that matter; alarms"
            " report tasks that wait for a node",
        )
        suppress(
            group,
            "AwsSolutions-EC26",
            "The rule cannot follow the reference to the launch template, whose one disk is encrypted",
        )
        self.provider = aws_ecs.CfnCapacityProvider(
            self,
            "Provider",
            auto_scaling_group_provider=aws_ecs.CfnCapacityProvider.AutoScalingGroupProviderProperty(
                auto_scaling_group_arn=group.auto_scaling_group_name,
                managed_scaling=aws_ecs.CfnCapacityProvider.ManagedScalingProperty(
                    status="ENABLED",
                    target_capacity=TARGET_CAPACITY_PERCENT,
                    minimum_scaling_step_size=1,
                    maximum_scaling_step_size=MAX_STEP,
                ),
                managed_termination_protection="ENABLED",
                managed_draining="ENABLED",
            ),
        )
        # The first cluster of an account creates the role of ECS that a provider requires.
        self.provider.node.add_dependency(cluster.cluster)
        cluster.add_provider(self.provider)

    def _launch_template(self, cluster: EcsCluster) -> aws_ec2.LaunchTemplate:
        runtime = self._runtime
        disk = aws_ec2.BlockDeviceVolume.ebs(
            runtime.disk.size_gib,
            volume_type=aws_ec2.EbsDeviceVolumeType.GP3,
            iops=runtime.disk.iops,
            throughput=runtime.disk.throughput_mibps,
            encrypted=True,
            # Otherwise the image decides, and a node that ends might leave a disk, which costs until someone finds it.
            delete_on_termination=True,
        )
        script = aws_ec2.UserData.custom(user_data(cluster=cluster.name, stop_seconds=runtime.stop_seconds))
        return aws_ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=aws_ec2.MachineImage.from_ssm_parameter(IMAGE_PARAMETER, user_data=script),
            user_data=script,
            role=cluster.node_role,
            security_group=cluster.security_group,
            block_devices=[aws_ec2.BlockDevice(device_name="/dev/xvda", volume=disk)],
            detailed_monitoring=False,
            associate_public_ip_address=False,
            # Not for replicas, because a program with access to the metadata may act as the node.
            require_imdsv2=True,
            http_put_response_hop_limit=1,
        )


def _distribution(purchase: Purchase) -> aws_autoscaling.InstancesDistribution:
    if purchase == "spot":
        return aws_autoscaling.InstancesDistribution(
            on_demand_base_capacity=0,
            on_demand_percentage_above_base_capacity=0,
            spot_allocation_strategy=aws_autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        )
    return aws_autoscaling.InstancesDistribution(
        on_demand_percentage_above_base_capacity=100,
        on_demand_allocation_strategy=aws_autoscaling.OnDemandAllocationStrategy.LOWEST_PRICE,
    )
