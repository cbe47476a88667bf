"""Programs that fetch models, each as a process whose time and memory are measured."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.file_servers import ACCESS_KEY, SECRET_KEY
from benchmarks.processes import PROJECT

#: A bucket for each race, since our downloader brings everything of a bucket that a runtime needs.
BIG_BUCKET: Final = "one-large-model"
BIG_FILE: Final = "Stable-diffusion/big.safetensors"
TREE_BUCKET: Final = "many-small-models"
TREE: Final = "embeddings"
#: Files of the tree.
TREE_FILES: Final = 200
#: Kibibytes in which the system counts the memory of a process.
_KIBIBYTE: Final = 1024
_BOTO3: Final = """
import sys, time, boto3, pathlib
client, bucket, target = boto3.client("s3"), sys.argv[1], pathlib.Path(sys.argv[3])
started_at = time.perf_counter()
if sys.argv[2].endswith("/"):
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=sys.argv[2]):
        for entry in page["Contents"]:
            client.download_file(bucket, entry["Key"], str(target / pathlib.Path(entry["Key"]).name))
else:
    client.download_file(bucket, sys.argv[2], str(target / "file"))
print(time.perf_counter() - started_at)
"""


@dataclass(frozen=True)
class Outcome:
    """One download."""

    #: From the first request to the last file in its place.
    seconds: float
    #: The start of the program included.
    process_seconds: float
    peak_rss_mb: float


def ours(url: str, target: Path, *, tree: bool) -> Outcome:
    """Run the runtime's own downloader; it says itself how long it took, its listing of the bucket included."""
    variables = {
        "MODEL_BUCKET": TREE_BUCKET if tree else BIG_BUCKET,
        "MODELS_DIRECTORY": str(target),
        "MODEL_FILENAME": "" if tree else Path(BIG_FILE).name,
    }
    command = [sys.executable, "-m", "runtime_image.models"]
    return _run(command, url, variables, lambda output: float(json.loads(output.splitlines()[-1])["seconds"]))


def s5cmd(url: str, target: Path, *, tree: bool) -> Outcome:
    """Run s5cmd as it is."""
    source = f"s3://{TREE_BUCKET}/{TREE}/*" if tree else f"s3://{BIG_BUCKET}/{BIG_FILE}"
    return _run([str(Path(sys.executable).with_name("s5cmd")), "--endpoint-url", url, "cp", source, f"{target}/"], url)


def boto3(url: str, target: Path, *, tree: bool) -> Outcome:
    """Run boto3's own transfer; the time of its import and of its client is left out."""
    source = [TREE_BUCKET, f"{TREE}/"] if tree else [BIG_BUCKET, BIG_FILE]
    command = [sys.executable, "-c", _BOTO3, *source, str(target)]
    return _run(command, url, read_seconds=float)


def curl(url: str, target: Path, *, tree: bool) -> Outcome:
    """Run curl, over one connection (eight for the tree)."""
    if tree:
        listed = [f"{url}/{TREE_BUCKET}/{TREE}/{number}.safetensors" for number in range(TREE_FILES)]
        urls = ["--parallel", "--parallel-max", "8", "--remote-name-all", "--output-dir", str(target), *listed]
    else:
        urls = ["--output", str(target / "file"), f"{url}/{BIG_BUCKET}/{BIG_FILE}"]
    signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS_KEY}:{SECRET_KEY}"]
    return _run(["curl", "--silent", "--no-progress-meter", "--fail", *signed, *urls], url)


def _run(
    command: Sequence[str],
    url: str,
    variables: Mapping[str, str] | None = None,
    read_seconds: Callable[[str], float] | None = None,
) -> Outcome:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        **(variables or {}),
    }
    started_at = time.perf_counter()
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for; tells the type checker
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started_at
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed with {process.returncode}: {output[-2000:]}")
    inner = read_seconds(output) if read_seconds else seconds
    return Outcome(inner, seconds, usage.ru_maxrss * _KIBIBYTE / 1e6)
