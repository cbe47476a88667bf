"""Endpoints of a running local system, which `endpoints.json` gives to other programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.infrastructure import LocalInfrastructure
from local.replicas.agents import engine_url
from local.services import Services
from stacks.config import RuntimeConfig


def describe_endpoints(
    infrastructure: LocalInfrastructure,
    services: Services,
    runtimes: Sequence[RuntimeConfig],
    agent_environments: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Return the content of `endpoints.json`."""
    clients, outputs = infrastructure.clients, infrastructure.provisioned.outputs

    def secret(output: str) -> str:
        value: str = clients("secretsmanager").get_secret_value(SecretId=outputs[output])["SecretString"]
        return value

    return {
        "aws_endpoint_url": clients.endpoint_url,
        "region": clients.region,
        "http_url": services.http_url,
        "console_url": f"{services.http_url}/console/" if services.has_console else None,
        "function_urls": services.function_urls,
        "api_key": secret("ApiKeySecretArn"),
        "api_key_secret_arns": json.loads(outputs["ApiKeySecretArns"]),
        "webhook_secret": secret("WebhookSecretArn"),
        "callbacks_url": services.callbacks_url,
        "entry_topic_arn": outputs["EntryTopicArn"],
        "task_topic_arn": outputs["TaskTopicArn"],
        "completion_topic_arn": outputs["CompletionTopicArn"],
        "output_bucket": outputs["OutputBucketName"],
        "model_bucket": outputs["ModelBucketName"],
        "task_bucket": outputs["TaskBucketName"],
        "task_table": outputs["TaskTableName"],
        "runtimes": {
            runtime.name: {
                "queue_url": outputs[f"Runtime{runtime.pascal_name}QueueUrl"],
                "low_priority_queue_url": outputs[f"Runtime{runtime.pascal_name}LowPriorityQueueUrl"],
                "dead_letter_queue_url": outputs[f"Runtime{runtime.pascal_name}DeadLetterQueueUrl"],
                "engine_url": engine_url(agent_environments[runtime.name]),
                "agent_environment": dict(agent_environments[runtime.name]),
            }
            for runtime in runtimes
        },
    }
