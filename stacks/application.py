"""CDK application of one environment: its stacks and the references between them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App, CfnOutput, Stack, Tags
from aws_cdk import Environment as Target

from stacks.api import ApiStack
from stacks.config import Environment
from stacks.config.function_target import FunctionTarget
from stacks.constructs.functions.lambda_bundle import MCP_REQUIREMENTS, lambda_code
from stacks.constructs.functions.task_function import FunctionPlatform
from stacks.constructs.runtime.gpu_network import NewNetwork
from stacks.ecs import EcsStack
from stacks.eks import EksStack
from stacks.exports import EngineResources
from stacks.messaging import MessagingStack
from stacks.monitoring import MonitoringStack
from stacks.pinned_versions import warn_of_tags
from stacks.storage import StorageStack

PROJECT_ROOT: Final = Path(__file__).parent.parent
#: Resource types that a partition cannot tag (https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html).
_UNTAGGED: Final = {"aws-cn": ["AWS::Lambda::EventSourceMapping"]}


def build_application(
    environment: Environment,
    *,
    target: FunctionTarget = FunctionTarget(),  # noqa: B008  # immutable
    output_directory: Path | None = None,
    bundle_functions: bool = True,
) -> App:
    """Return the application, ready for `synth`.

    Args:
        environment: Environment to deploy.
        target: Processors and Python version of the functions.
        output_directory: Folder of the templates; None selects that of the CDK command line, or `cdk.out`.
        bundle_functions: False omits the functions' code, if only the templates are needed.
    """
    app = App(
        outdir=str(output_directory) if output_directory else None,
        context=_context(bundle_functions=bundle_functions),
        # A template must not depend on the machine, and must contain only resources that we name.
        analytics_reporting=False,
    )
    stack: dict[str, Any] = {"env": Target(account=environment.account, region=environment.region)}
    prefix = f"Darkroom-{environment.name}"
    storage = StorageStack(
        app,
        f"{prefix}-Storage",
        environment=environment,
        # The command line protects a stack before it creates it, and cannot delete a protected one that failed. The
        # others hold nothing that another deployment would not bring back, and each of them may fail at first.
        termination_protection=environment.removal_policy == "retain",
        **stack,
    )
    # CDK binds code to the first stack that uses it, so each stack with functions has its own.
    messaging = MessagingStack(
        app,
        f"{prefix}-Messaging",
        environment=environment,
        storage=storage.exports,
        platform=FunctionPlatform(lambda_code(PROJECT_ROOT, target), environment, target),
        **stack,
    )
    messaging.add_stack_dependency(storage)
    api = ApiStack(
        app,
        f"{prefix}-Api",
        environment=environment,
        storage=storage.exports,
        messaging=messaging.exports,
        platform=FunctionPlatform(lambda_code(PROJECT_ROOT, target), environment, target),
        mcp_platform=FunctionPlatform(lambda_code(PROJECT_ROOT, target, MCP_REQUIREMENTS), environment, target),
        **stack,
    )
    api.add_stack_dependency(messaging)
    capacity: list[Stack] = []
    if environment.engine != "none":
        capacity.append(
            _add_capacity(
                app,
                prefix,
                environment=environment,
                target=target,
                storage=storage,
                messaging=messaging,
                stack=stack,
            )
        )
    MonitoringStack(
        app,
        f"{prefix}-Monitoring",
        environment=environment,
        topic_key_arn=messaging.exports.key_arn,
        table_name=storage.exports.table_name,
        watched=(messaging, api, *capacity),
        **stack,
    )
    for key, value in environment.resource_tags.items():
        Tags.of(app).add(key, value, exclude_resource_types=_UNTAGGED.get(environment.partition, []))
    return app


def _add_capacity(
    app: App,
    prefix: str,
    *,
    environment: Environment,
    target: FunctionTarget,
    storage: StorageStack,
    messaging: MessagingStack,
    stack: Mapping[str, Any],
) -> Stack:
    """Create the network stack and the engine's stack, and return the latter."""
    network = environment.network
    if network is None:
        raise ValueError("an environment with an engine requires a network")
    new_network = None
    if not network.vpc_id:
        # The network has its own stack, because it is the slowest to create and the last to be removed.
        network_stack = Stack(app, f"{prefix}-Network", **stack)
        new_network = NewNetwork(network_stack, "Network", environment=environment, network=network)
        CfnOutput(network_stack, "VpcId", value=new_network.vpc.vpc_id, description="The network of the GPUs")
    resources = EngineResources(
        environment=environment,
        network=network,
        new_network=new_network,
        storage=storage.exports,
        messaging=messaging.exports,
        project=PROJECT_ROOT,
    )
    engine: Stack
    if environment.engine == "eks":
        engine = EksStack(app, f"{prefix}-Eks", resources=resources, **stack)
    else:
        platform = FunctionPlatform(lambda_code(PROJECT_ROOT, target), environment, target)
        engine = EcsStack(app, f"{prefix}-Ecs", resources=resources, platform=platform, **stack)
    engine.add_stack_dependency(messaging)
    warn_of_tags(engine)
    return engine


def _context(*, bundle_functions: bool) -> Mapping[str, Any]:
    """Return the feature flags of cdk.json, so that a template never depends on the way of synthesis."""
    flags: dict[str, Any] = json.loads((PROJECT_ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    if bundle_functions:
        return flags
    # The CDK's own assets are not copied either; an engine has 60 MB of them.
    return flags | {"aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True}
