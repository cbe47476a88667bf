"""The CDK application of one environment: makes its stacks and hands to each what it may know of the others."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App, Stack, Tags
from aws_cdk import Environment as Target

from stacks.api import ApiStack
from stacks.config import Environment
from stacks.constructs.lambda_bundle import lambda_code
from stacks.constructs.removal import removal_policy_of
from stacks.constructs.task_function import FunctionPlatform
from stacks.ecs import EcsStack
from stacks.eks import EksStack
from stacks.messaging import MessagingStack
from stacks.monitoring import MonitoringStack
from stacks.network import NetworkStack
from stacks.storage import StorageStack

PROJECT_ROOT: Final = Path(__file__).parent.parent
#: What a partition refuses to tag (https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html).
_UNTAGGED: Final = {"aws-cn": ["AWS::Lambda::EventSourceMapping"]}


def build_application(
    environment: Environment, *, output_directory: Path | None = None, bundle_functions: bool = True
) -> App:
    """Return the application, ready for `synth`.

    Args:
        environment: What is to be deployed.
        output_directory: Where the templates go; None leaves it to the CDK command line, or to `cdk.out`.
        bundle_functions: False leaves the functions' code out, for who only wants the templates.
    """
    app = App(
        outdir=str(output_directory) if output_directory else None,
        context=_context(bundle_functions=bundle_functions),
        # Nothing of a template may depend on where it was made, and no resource may be there that we do not name.
        analytics_reporting=False,
    )
    stack: dict[str, Any] = {
        "env": Target(account=environment.account, region=environment.region),
        "termination_protection": environment.removal_policy == "retain",
    }
    prefix = f"Darkroom-{environment.name}"
    storage = StorageStack(app, f"{prefix}-Storage", environment=environment, **stack)
    # Code belongs to the stack that first uses it, so each stack with functions has its own.
    messaging = MessagingStack(
        app,
        f"{prefix}-Messaging",
        environment=environment,
        storage=storage.exports,
        platform=_platform(environment),
        **stack,
    )
    messaging.add_stack_dependency(storage)
    api = ApiStack(
        app,
        f"{prefix}-Api",
        environment=environment,
        storage=storage.exports,
        messaging=messaging.exports,
        platform=_platform(environment),
        **stack,
    )
    api.add_stack_dependency(messaging)
    capacity: list[Stack] = []
    if environment.engine != "none":
        capacity.append(
            _add_capacity(app, prefix, environment=environment, storage=storage, messaging=messaging, stack=stack)
        )
    MonitoringStack(
        app,
        f"{prefix}-Monitoring",
        environment=environment,
        topic_key_arn=messaging.exports.topic_key_arn,
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
    storage: StorageStack,
    messaging: MessagingStack,
    stack: Mapping[str, Any],
) -> Stack:
    """Make the stacks of the environment's engine, on top of those that move and keep tasks; return the engine's."""
    network = environment.network
    if network is None:
        raise ValueError("an environment with an engine has a network")
    made = None
    if not network.vpc_id:
        made = NetworkStack(app, f"{prefix}-Network", environment=environment, network=network, **stack).network
    shared: dict[str, Any] = {
        "environment": environment,
        "network": network,
        "new_network": made,
        "storage": storage.exports,
        "messaging": messaging.exports,
        "project": PROJECT_ROOT,
        **stack,
    }
    engine: Stack
    if environment.engine == "eks":
        engine = EksStack(app, f"{prefix}-Eks", **shared)
    else:
        engine = EcsStack(app, f"{prefix}-Ecs", platform=_platform(environment), **shared)
    engine.add_stack_dependency(messaging)
    return engine


def _platform(environment: Environment) -> FunctionPlatform:
    return FunctionPlatform(
        code=lambda_code(PROJECT_ROOT),
        environment_name=environment.name,
        log_retention_days=environment.log_retention_days,
        tracing=environment.tracing,
        log_level=environment.log_level,
        removal_policy=removal_policy_of(environment),
    )


def _context(*, bundle_functions: bool) -> Mapping[str, Any]:
    """Return the feature flags of cdk.json, so that a template is the same whoever synthesizes it."""
    flags: dict[str, Any] = json.loads((PROJECT_ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    if bundle_functions:
        return flags
    # Nor are files copied that the CDK brings itself, 60 MB of them for an engine.
    return flags | {"aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True}
