"""Local system as a process, used over its public interfaces only."""

import io
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from PIL import Image

from benchmarks.processes import AWS_VARIABLES, PROJECT, running, start
from contract.record import Record, is_task

RUNTIME: Final = "sdruntime"
#: Runtime of the workflows.
WORKFLOWS: Final = "comfyui"
#: Checkpoint that the local system puts into the model bucket for workflows.
WORKFLOW_CHECKPOINT: Final = "sd_xl_turbo_1.0.safetensors"
#: Seconds in which the local system gets ready, its templates synthesized anew.
_READY_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 30.0
#: Messages in one call of SNS.
_BATCH: Final = 10


@dataclass
class LocalSystemProcess:
    """A running local system without agents."""

    endpoints: Mapping[str, Any]
    _callbacks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")  # noqa: S106 - the local AWS takes any
        options: dict[str, Any] = {
            "endpoint_url": self.endpoints["aws_endpoint_url"],
            "region_name": self.endpoints["region"],
        }
        self._sns = session.client("sns", **options)
        self._s3 = session.client("s3", **options)
        self._table = session.resource("dynamodb", **options).Table(self.endpoints["task_table"])

    def agent_variables(self, runtime: str) -> dict[str, str]:
        """Return the settings of a runtime's agents."""
        return dict(self.endpoints["runtimes"][runtime]["agent_environment"])

    def publish(self, task_ids: Sequence[str]) -> None:
        """Publish a small task for each id, whose prompt is its id: in turn for the Web UIs and for the ComfyUIs."""
        for first in range(0, len(task_ids), _BATCH):
            entries = [
                {"Id": str(number), "Message": json.dumps((_workflow if number % 2 else _task)(task_id))}
                for number, task_id in enumerate(task_ids[first : first + _BATCH])
            ]
            answer = self._sns.publish_batch(
                TopicArn=self.endpoints["entry_topic_arn"],
                PublishBatchRequestEntries=entries,  # type: ignore[arg-type] # a list of dicts as documented
            )
            if answer.get("Failed"):
                raise RuntimeError(f"the entry topic refuses: {answer['Failed']}")

    def callbacks(self) -> list[dict[str, Any]]:
        """Return all callbacks so far."""
        url = f"{self.endpoints['callbacks_url']}?after={len(self._callbacks)}"
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - of this machine
            self._callbacks += json.load(answer)["callbacks"]
        return self._callbacks

    def records(self) -> list[Record]:
        """Return the records of all tasks."""
        pages = self._table.meta.client.get_paginator("scan").paginate(TableName=self._table.name)
        return [Record.from_item(item) for page in pages for item in page["Items"] if is_task(item)]

    def stored(self) -> dict[str, str]:
        """Return the prompt that each image carries, by the image's `s3://` URI; it is empty for other outputs."""
        bucket = self.endpoints["output_bucket"]
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {f"s3://{bucket}/{key}": self._prompt_of(bucket, key) if key.endswith(".png") else "" for key in keys}

    def _prompt_of(self, bucket: str, key: str) -> str:
        with Image.open(io.BytesIO(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as image:
            if "prompt" in image.info:
                return str(json.loads(image.info["prompt"])["6"]["inputs"]["text"])
            return str(image.info.get("parameters")).partition("\n")[0]


@contextmanager
def local_system(folder: Path, *, visibility_timeout_seconds: int) -> Iterator[LocalSystemProcess]:
    """Run the local system during the block, without agents, in this folder."""
    environment_file, state = folder / "environment.yaml", folder / "state"
    text = (PROJECT / "environments" / "local.yaml").read_text()
    for name in (f"  - name: {runtime}\n" for runtime in (RUNTIME, WORKFLOWS)):
        text = text.replace(name, f"{name}    visibilityTimeoutSeconds: {visibility_timeout_seconds}\n")
    environment_file.write_text(text)
    # Its agents are not started, so that no engine is needed yet.
    arguments = [
        "--port",
        "0",
        "--agents",
        "0",
        "--webui-url",
        "http://127.0.0.1:9",
        "--environment",
        str(environment_file),
    ]
    up = start(
        ["-m", "local", "up", *arguments, "--state-dir", str(state)],
        log_file=folder / "up.log",
        variables=AWS_VARIABLES,
    )
    with running(up):
        deadline = time.monotonic() + _READY_SECONDS
        while not (state / "endpoints.json").exists():
            if up.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the local system did not start:\n{(folder / 'up.log').read_text()[-2000:]}")
            time.sleep(_POLL_SECONDS)
        yield LocalSystemProcess(json.loads((state / "endpoints.json").read_text()))


def _task(task_id: str) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": RUNTIME, "tasktype": "text-to-image"}
    return {"task": {"metadata": metadata, "content": {"prompt": task_id, "steps": 20}}}


def _workflow(task_id: str) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": WORKFLOWS, "tasktype": "pipeline"}
    sampler = {"seed": 1, "steps": 1, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["6", 0], "latent_image": ["5", 0]}
    graph = {
        "3": {"class_type": "KSampler", "inputs": sampler | links},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": WORKFLOW_CHECKPOINT}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 128, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": task_id, "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "soak", "images": ["8", 0]}},
    }
    return {"task": {"metadata": metadata, "content": graph}}
