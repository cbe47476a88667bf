"""Every example of the documents, run as it is printed."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.harness.documented_code import code_blocks
from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system"), pytest.mark.timeout(300)]

COMMANDS = {"python": (sys.executable, "-c"), "bash": ("bash", "-euo", "pipefail", "-c")}
#: A machine needs nothing but Python and make to run the tests; on one without curl its examples are not run.
NEEDS: dict[str, Any] = {
    "python": (),
    "bash": pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here"),
}
EXAMPLES = [
    pytest.param(language, block, id=f"{document}-{language}-{number}", marks=NEEDS[language])
    for document in ("clients", "uploads", "runpod", "webui-clients")
    for language in COMMANDS
    for number, block in enumerate(code_blocks(f"how-to/{document}.md", language))
]
#: What an example prints when it went well, by the id of its task.
RESULTS = {
    "by-curl": "has ended",
    "by-requests": "by-requests-",
    "by-boto3": "completed ['s3://",
    "with-upload": "COMPLETED",
    "runpod.Endpoint": "COMPLETED 1",
    "a picture of": "a picture of",
    "webuiapi.WebUIApi": "Seed: 7",
    "sd-models": "safetensors",
    "wait=20000": "Euler a",
    "wait=120000": '"status": "COMPLETED"',
}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that is too large for a request."""
    path: Path = tmp_path_factory.mktemp("pictures") / "large.png"
    data = io.BytesIO()
    Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3)).save(data, "PNG", compress_level=0)
    path.write_bytes(data.getvalue())
    assert path.stat().st_size > 6 * 1024 * 1024
    return path


def environment(system: System, picture: Path) -> dict[str, str]:
    endpoints = system.endpoints
    return {
        "PATH": os.environ["PATH"],
        "HTTP_URL": endpoints["http_url"].rstrip("/"),
        "RUNPOD_FUNCTION_URL": endpoints["function_urls"]["runpod_api"],
        "API_KEY": endpoints["api_key"],
        "ENTRY_TOPIC_ARN": endpoints["entry_topic_arn"],
        "COMPLETION_TOPIC_ARN": endpoints["completion_topic_arn"],
        "PICTURE": str(picture),
        "AWS_ENDPOINT_URL": endpoints["aws_endpoint_url"],
        "AWS_DEFAULT_REGION": endpoints["region"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture
def cleaned(system: System) -> Iterator[None]:
    """Delete the queue of an example, because it would collect the callbacks of all other tests."""
    yield
    sns, sqs = system.client("sns"), system.client("sqs")
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        if subscription["Endpoint"].endswith(":pictures"):
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    for url in sqs.list_queues(QueueNamePrefix="pictures").get("QueueUrls", ()):
        sqs.delete_queue(QueueUrl=url)


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize(("language", "block"), EXAMPLES)
def test_an_example_runs(system: System, picture: Path, language: str, block: str) -> None:
    result = subprocess.run(
        [*COMMANDS[language], block],
        env=environment(system, picture),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    [expected] = [text for task_id, text in RESULTS.items() if task_id in block]
    assert expected in result.stdout


def test_an_upload_cannot_be_read_by_who_knows_its_bucket_only(system: System) -> None:
    answer = system.http("POST", "/v1alpha2/uploads", json={"content_type": "image/png"}).json()
    folder, _, name = answer["link"].rpartition("/")
    assert folder == f"s3://{system.endpoints['task_bucket']}/uploads/default"
    assert len(name) >= 32
    outside = f"s3://{system.endpoints['task_bucket']}/messages/x.png"
    metadata = {"id": "outside", "runtime": "sdruntime", "tasktype": "image-to-image"}
    system.publish({"task": {"metadata": metadata, "content": {"init_images": [outside]}}})
    assert system.callback(id="outside")["error"]["code"] == "link_refused"
