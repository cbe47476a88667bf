"""Deployment of an environment by the CDK's own command line: first time, journey, second time, change and end.

The account is emulated. So the tests prove CloudFormation's protocol, assets, references and wiring, but not AWS
itself.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
import pytest
import yaml
from botocore.exceptions import ClientError

from local.aws.clients import LocalAwsClients
from local.replicas.agents import agent_environment, container_environment, engine_variables
from stacks.config import Environment
from stacks.environment_file import load_environment
from stub_webui.png_images import plain_png
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.deployment.emulated_account import (
    ACCOUNT,
    PROJECT,
    REGION,
    EmulatedAccount,
    emulated_account,
    read_queue,
)
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment"), pytest.mark.timeout(1200)]

ENVIRONMENT: Final = "dev"
#: A cold start of a function takes seconds on a busy machine, and a task passes four of them.
SECONDS: Final = 120.0
STACKS: Final = ["Storage", "Messaging", "Api", "Monitoring"]
CHECKPOINT: Final = "v1-5-pruned-emaonly.safetensors"
#: What `cdk destroy` leaves: API Gateway's role belongs to the whole account (docs/how-to/deployment.md).
LEFT_ROLE: Final = "HttpApiCloudWatchRole"


@dataclass(frozen=True)
class Deployed:
    """A deployed environment, with clients for its public interfaces."""

    account: EmulatedAccount
    environment: Environment
    outputs: dict[str, str]
    api_key: str
    callbacks_url: str

    def http(self, method: str, path: str, *, key: str | None = None, **options: Any) -> httpx.Response:
        """Send a request to the HTTP API, by default with its key."""
        api = re.match(r"https://([^.]+)\.", self.outputs["HttpUrl"])
        assert api, self.outputs["HttpUrl"]
        url = f"{self.account.url}/restapis/{api[1]}/api/_user_request_{path}"
        headers = {"x-api-key": self.api_key if key is None else key}
        return httpx.request(method, url, headers=headers, timeout=60, **options)

    def publish(self, message: str) -> None:
        """Publish a message to the entry topic."""
        self.account.client("sns").publish(TopicArn=self.outputs["EntryTopicArn"], Message=message)

    def callback(self, task_id: str) -> dict[str, Any]:
        """Return the callback of a task."""

        def poll() -> dict[str, Any] | None:
            for envelope in read_queue(self.account, self.callbacks_url):
                callback: dict[str, Any] = json.loads(envelope["Message"])
                if callback["id"] == task_id:
                    return callback
            return None

        return eventually(poll, f"the callback of {task_id}", SECONDS)


def task(task_id: str, runtime: str = "sdruntime", **content: Any) -> dict[str, Any]:
    tasktype = "image-to-image" if "init_images" in content else "text-to-image"
    body = {"prompt": "A dog", "steps": 2, "width": 64, "height": 64} | content
    return {"task": {"metadata": {"id": task_id, "runtime": runtime, "tasktype": tasktype}, "content": body}}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAccount]:
    with emulated_account(tmp_path_factory.mktemp("account")) as started:
        yield started


@pytest.fixture(scope="module")
def deployed(account: EmulatedAccount) -> Iterator[Deployed]:
    account.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    printed = deploy(account, ENVIRONMENT)
    assert states_of_stacks(printed) == dict.fromkeys(STACKS, "deployed"), printed
    outputs = account.outputs()
    callbacks_url = subscribe(account, outputs["CompletionTopicArn"])
    secret = account.client("secretsmanager").get_secret_value(SecretId=outputs["ApiKeySecretArn"])
    environment = load_environment(ENVIRONMENT)
    account.client("s3").put_object(
        Bucket=outputs["ModelBucketName"], Key=f"Stable-diffusion/{CHECKPOINT}", Body=b"a checkpoint"
    )
    system = Deployed(account, environment, outputs, secret["SecretString"], callbacks_url)
    # From here on each function has only the permissions of its role.
    account.enforce_permissions(enforced=True)
    with running_agent(system):
        yield system


def subscribe(account: EmulatedAccount, topic_arn: str) -> str:
    """Subscribe a new queue to a topic, and allow the topic to send to it; returns the queue's URL."""
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:callbacks"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue_url: str = account.client("sqs").create_queue(QueueName="callbacks", Attributes={"Policy": policy})[
        "QueueUrl"
    ]
    account.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
    return queue_url


def deploy(account: EmulatedAccount, environment: str) -> str:
    return account.cdk("deploy", "--context", f"environment={environment}", "--all", "--require-approval", "never")


def states_of_stacks(printed: str) -> dict[str, str]:
    """Return what the command line says of each stack: deployed, or without changes."""
    lines = re.findall(rf"✅  Darkroom-{ENVIRONMENT}-(\w+)(.*)", printed)
    return {name: "no changes" if "no changes" in rest else "deployed" for name, rest in lines}


@contextmanager
def running_agent(system: Deployed) -> Iterator[None]:
    """Run the agent of a replica of `sdruntime` next to a stub of the Web UI."""
    clients = LocalAwsClients(endpoint_url=system.account.url, region=REGION)
    runtime = system.environment.runtimes[0]
    with serve_stub(StubWebUi()) as webui_url:
        variables = agent_environment(
            container_environment(
                runtime,
                system.environment,
                outputs=system.outputs,
                engine=engine_variables(webui_url),
                folder=system.account.folder,
                clients=clients,
            )
        )
        with (system.account.folder / "agent.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "runtime_image.agent"],
                cwd=PROJECT,
                env={"PATH": os.defpath, **variables, **system.account.variables()},
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def test_a_request_without_the_key_is_refused_by_our_own_answer(deployed: Deployed) -> None:
    for key in ("", "wrong"):
        response = deployed.http("GET", "/v1alpha2/tasks", key=key)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized"), response.text


def test_permissions_are_enforced(deployed: Deployed) -> None:
    # Otherwise the journey would say nothing about the roles of the functions.
    stranger = boto3.client(
        "sqs",
        endpoint_url=deployed.account.url,
        region_name=REGION,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="unknown",
    )
    with pytest.raises(ClientError):
        stranger.list_queues()


def test_a_task_by_http_becomes_a_picture_and_a_callback(deployed: Deployed) -> None:
    assert deployed.http("POST", "/v1alpha2", json=task("by-http")).status_code == 200
    callback = deployed.callback("by-http")
    assert callback["status"] == "completed"
    bucket, _, key = callback["image_url"][0].removeprefix("s3://").partition("/")
    picture = deployed.account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert picture.startswith(b"\x89PNG")
    shown = deployed.http("GET", "/v1alpha2/tasks/by-http").json()
    assert shown["status"] == "COMPLETED"


def test_a_task_by_topic_becomes_a_picture_and_a_callback(deployed: Deployed) -> None:
    deployed.publish(json.dumps(task("by-topic")))
    assert deployed.callback("by-topic")["status"] == "completed"


def test_a_message_that_is_no_task_is_called_back(deployed: Deployed) -> None:
    deployed.publish(json.dumps(task("rejected", steps="many")))
    callback = deployed.callback("rejected")
    assert (callback["status"], callback["result"]) == ("failed", False)


def test_a_waiting_task_is_cancelled(deployed: Deployed) -> None:
    # No replica of this runtime runs.
    body = task("cancelled", "dynamic", override_settings={"sd_model_checkpoint": CHECKPOINT})
    response = deployed.http("POST", "/v1alpha2", json=body)
    assert response.status_code == 200, response.text
    assert deployed.http("DELETE", "/v1alpha2/tasks/cancelled").json()["status"] == "CANCELLED"
    assert deployed.callback("cancelled")["status"] == "cancelled"


def test_an_uploaded_picture_is_an_input(deployed: Deployed) -> None:
    made = deployed.http("POST", "/v1alpha2/uploads", json={"content_type": "image/png"}).json()
    form = made["upload"]
    url = f"{deployed.account.url}/{deployed.outputs['TaskBucketName']}"
    answer = httpx.post(url, data=form["fields"], files={"file": plain_png("", width=64, height=64)}, timeout=60)
    assert answer.is_success, answer.text
    response = deployed.http("POST", "/v1alpha2", json=task("uploaded", init_images=[made["link"]]))
    assert response.status_code == 200, response.text
    assert deployed.callback("uploaded")["status"] == "completed"


def test_the_schedule_calls_its_function(deployed: Deployed) -> None:
    logs = deployed.account.client("logs")
    (group,) = [
        item["logGroupName"]
        for item in logs.describe_log_groups()["logGroups"]
        if "ExpireTasks" in item["logGroupName"]
    ]

    def lines() -> list[str]:
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]

    eventually(lambda: any(line.startswith("REPORT") for line in lines()), "the end of a call", SECONDS)
    assert not any("Traceback" in line for line in lines()), lines()


def test_a_second_deployment_finds_nothing_to_do(deployed: Deployed) -> None:
    account = deployed.account
    # The emulator refuses the CDK's role its own bucket. The tests after this one need the same.
    account.enforce_permissions(enforced=False)
    assert states_of_stacks(deploy(account, ENVIRONMENT)) == dict.fromkeys(STACKS, "no changes")
    assert "Number of stacks with differences: 0" in account.cdk("diff", "--context", f"environment={ENVIRONMENT}")


def test_two_changed_values_change_their_two_stacks_and_nothing_else(deployed: Deployed, tmp_path: Path) -> None:
    account = deployed.account
    document = yaml.safe_load((PROJECT / "environments" / f"{ENVIRONMENT}.yaml").read_text())
    document["outputRetentionDays"] += 1
    document["throttling"]["requestsPerSecond"] += 1
    file = tmp_path / "changed.yaml"
    file.write_text(yaml.safe_dump(document))
    difference = account.cdk("diff", "--context", f"environment={file}")
    assert "Number of stacks with differences: 2" in difference
    changed = {"Storage": "deployed", "Messaging": "no changes", "Api": "deployed", "Monitoring": "no changes"}
    assert states_of_stacks(deploy(account, str(file))) == changed
    assert deployed.http("GET", "/v1alpha2/tasks/by-http").json()["status"] == "COMPLETED"


def test_the_end_leaves_nothing(deployed: Deployed) -> None:
    account = deployed.account
    account.cdk("destroy", "--context", f"environment={ENVIRONMENT}", "--all", "--force")
    assert left_behind(account) == []


def left_behind(account: EmulatedAccount) -> list[str]:
    """Return the names of an environment's resources that still exist, without what the documents name."""
    names = [
        *(stack["StackName"] for stack in account.client("cloudformation").describe_stacks()["Stacks"]),
        *(bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]),
        *account.client("sqs").list_queues().get("QueueUrls", []),
        *(topic["TopicArn"] for topic in account.client("sns").list_topics()["Topics"]),
        *(function["FunctionName"] for function in account.client("lambda").list_functions()["Functions"]),
        *account.client("dynamodb").list_tables()["TableNames"],
        *(group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]),
        *(secret["Name"] for secret in account.client("secretsmanager").list_secrets()["SecretList"]),
        *(api["name"] for api in account.client("apigateway").get_rest_apis()["items"]),
        *(rule["Name"] for rule in account.client("events").list_rules()["Rules"]),
        *(role["RoleName"] for role in account.client("iam").list_roles()["Roles"]),
        *(alarm["AlarmName"] for alarm in account.client("cloudwatch").describe_alarms()["MetricAlarms"]),
    ]
    return [name for name in names if "arkroom" in name and LEFT_ROLE not in name]
