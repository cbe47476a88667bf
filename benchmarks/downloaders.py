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

LARGE_KEY: Final = "Stable-diffusion/large.safetensors"
SMALL_KEYS: Final = tuple(f"embeddings/{number}.safetensors" for number in range(200))
#: Kibibytes in which the system counts the memory of a process.
_KIBIBYTE: Final = 1024
_BOTO3: Final = """
import sys, time, boto3, pathlib
client, bucket, target = boto3.client("s3"), sys.argv[1], pathlib.Path(sys.argv[2])
started_at = time.perf_counter()
for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for entry in page["Contents"]:
        path = target / entry["Key"]
        path.parent.mkdir(exist_ok=True)
        client.download_file(bucket, entry["Key"], str(path))
print(time.perf_counter() - started_at)
"""


@dataclass(frozen=True)
class Load:
    """What a race is about: everything in a bucket, since our downloader brings all that a runtime needs."""

    bucket: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One download."""

    #: From the first request to the last file in its place.
    seconds: float
    #: The start of the program included.
    process_seconds: float
    peak_rss_mb: float


def ours(url: str, load: Load, target: Path) -> Outcome:
    """Run the runtime's own downloader; it says itself how long it took, its listing of the bucket included."""
    variables = {
        "MODEL_BUCKET": load.bucket,
        "MODELS_DIRECTORY": str(target),
        "MODEL_FILENAME": Path(LARGE_KEY).name if LARGE_KEY in load.keys else "",
    }
    command = [sys.executable, "-m", "runtime_image.model_downloader"]
    return _run(command, url, variables, lambda output: float(json.loads(output.splitlines()[-1])["seconds"]))


def s5cmd(url: str, load: Load, target: Path) -> Outcome:
    """Run s5cmd as it is."""
    source = load.keys[0] if len(load.keys) == 1 else "*"
    program = str(Path(sys.executable).with_name("s5cmd"))
    return _run([program, "--endpoint-url", url, "cp", f"s3://{load.bucket}/{source}", f"{target}/"], url)


def boto3(url: str, load: Load, target: Path) -> Outcome:
    """Run boto3's own transfer, file by file; the time of its import and of its client is left out."""
    return _run([sys.executable, "-c", _BOTO3, load.bucket, str(target)], url, read_seconds=float)


def curl(url: str, load: Load, target: Path) -> Outcome:
    """Run curl, over one connection for each file, eight at a time."""
    files = [
        argument
        for key in load.keys
        for argument in ("--output", str(target / Path(key).name), f"{url}/{load.bucket}/{key}")
    ]
    signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS_KEY}:{SECRET_KEY}"]
    options = ["--silent", "--no-progress-meter", "--fail", "--parallel", "--parallel-max", "8"]
    return _run(["curl", *options, *signed, *files], url)


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
