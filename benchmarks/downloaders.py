"""Programs that download models, each in a separate process whose time and memory are measured."""

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
SMALL_KEYS: Final = tuple(f"embeddings/{number}.safetensors" for number in range(20))
#: Connections that each program opens (`runtime_image.model_downloader.bucket.CONNECTIONS`).
CONNECTIONS: Final = 16
#: Mebibytes of one request (`runtime_image.model_downloader.downloader.PART_BYTES`).
PART_MEBIBYTES: Final = 16
#: Kibibytes, in which the system counts the memory of a process.
_KIBIBYTE: Final = 1024
_BOTO3: Final = f"""
import sys, time, boto3, pathlib
from boto3.s3.transfer import TransferConfig
part_bytes = {PART_MEBIBYTES} * 1024 * 1024
config = TransferConfig(
    max_concurrency={CONNECTIONS}, multipart_chunksize=part_bytes, multipart_threshold=part_bytes, io_chunksize=2**20,
    preferred_transfer_client="classic",
)
client, bucket, target, keys = boto3.client("s3"), sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
started_at = time.perf_counter()
for key in keys:
    (target / key).parent.mkdir(exist_ok=True)
    client.download_file(bucket, key, str(target / key), Config=config)
print(time.perf_counter() - started_at)
"""
_CRT: Final = f"""
import os, sys, time, pathlib
from urllib.parse import urlsplit
from awscrt import auth, http, s3
bucket, target, keys = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
host = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
keys_of_account = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
credentials = auth.AwsCredentialsProvider.new_static(*keys_of_account)
started_at = time.perf_counter()
client = s3.S3Client(
    region="us-east-1", tls_mode=s3.S3RequestTlsMode.DISABLED, part_size={PART_MEBIBYTES} * 1024 * 1024,
    signing_config=s3.create_default_s3_signing_config(region="us-east-1", credential_provider=credentials),
    max_active_connections_override={CONNECTIONS}, throughput_target_gbps=10,
)
requests = []
for key in keys:
    (target / key).parent.mkdir(exist_ok=True)
    get = http.HttpRequest("GET", f"/{{bucket}}/{{key}}", http.HttpHeaders([("host", host)]))
    kind = s3.S3RequestType.GET_OBJECT
    requests.append(client.make_request(type=kind, request=get, recv_filepath=str(target / key)))
for request in requests:
    request.finished_future.result(600)
print(time.perf_counter() - started_at)
"""


@dataclass(frozen=True)
class Load:
    """Files of one race: all files of a bucket, because our downloader fetches all that a runtime needs."""

    bucket: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class DownloadOutcome:
    """One download."""

    #: From the first request to the last file in its place.
    seconds: float
    #: User and system time of the process, its start included.
    cpu_seconds: float
    peak_rss_mb: float


def ours(url: str, load: Load, target: Path) -> DownloadOutcome:
    """Run the runtime's downloader. It reports its time, the listing of the bucket included."""
    variables = {
        "MODEL_BUCKET": load.bucket,
        "MODELS_DIRECTORY": str(target),
        "MODEL_FILENAME": Path(LARGE_KEY).name if LARGE_KEY in load.keys else "",
    }
    command = [sys.executable, "-m", "runtime_image.model_downloader"]
    return _run(command, url, variables, lambda output: float(json.loads(output.splitlines()[-1])["seconds"]))


def s5cmd(url: str, load: Load, target: Path) -> DownloadOutcome:
    """Run s5cmd; its start, a few milliseconds, counts."""
    source = load.keys[0] if len(load.keys) == 1 else "*"
    program = str(Path(sys.executable).with_name("s5cmd"))
    options = ["--concurrency", str(CONNECTIONS), "--part-size", str(PART_MEBIBYTES)]
    return _run([program, "--endpoint-url", url, "cp", *options, f"s3://{load.bucket}/{source}", f"{target}/"], url)


def boto3(url: str, load: Load, target: Path) -> DownloadOutcome:
    """Run boto3's transfer, file by file, without the time of its import and its client."""
    return _run([sys.executable, "-c", _BOTO3, load.bucket, str(target), *load.keys], url, read_seconds=float)


def crt(url: str, load: Load, target: Path) -> DownloadOutcome:
    """Run the AWS CRT's S3 client, all files at once, without the time of its import."""
    return _run([sys.executable, "-c", _CRT, load.bucket, str(target), *load.keys], url, read_seconds=float)


def _run(
    command: Sequence[str],
    url: str,
    variables: Mapping[str, str] | None = None,
    read_seconds: Callable[[str], float] | None = None,
) -> DownloadOutcome:
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
        assert process.stdout is not None  # noqa: S101 - it was asked for; for the type checker
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started_at
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed with {process.returncode}: {output[-2000:]}")
    inner = read_seconds(output) if read_seconds else seconds
    return DownloadOutcome(inner, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIBIBYTE / 1e6)
