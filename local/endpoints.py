"""Where the parts of a running local system are: what `endpoints.json` says to outside tools."""

from collections.abc import Mapping
from typing import Any

from local.aws.clients import AwsClients
from stacks.config import Environment


def describe_endpoints(
    environment: Environment,
    *,
    outputs: Mapping[str, Any],
    clients: AwsClients,
    http_url: str,
    function_urls: Mapping[str, str],
    callbacks_url: str,
    api_key: str,
    webhook_secret: str,
    agent_environments: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Return the content of `endpoints.json`."""
    return {
        "aws_endpoint_url": clients.endpoint_url,
        "region": clients.region,
        "http_url": http_url,
        "function_urls": dict(function_urls),
        "api_key": api_key,
        "webhook_secret": webhook_secret,
        "callbacks_url": callbacks_url,
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
                "webui_url": agent_environments[runtime.name]["WEBUI_URL"],
                "agent_environment": dict(agent_environments[runtime.name]),
            }
            for runtime in environment.runtimes
        },
    }
