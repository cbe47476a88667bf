"""How fast models get from a bucket to the disk, beside s5cmd, boto3's own transfer and curl, in one run.

A file of 1 GiB and a tree of 200 small ones, together and each alone, from `rclone serve s3` without a limit; the file
also from nginx with 50 MB/s for each connection, as S3 behaves. The programs take turns, and the best of `--rounds`
counts: other work on the machine only adds, and rclone, when it is asked first, reads all files for their checksums.
Without a limit the target is that of both together; what each reaches alone is in docs/performance.md.
"""

import argparse
import filecmp
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import downloaders
from benchmarks.downloaders import LARGE_KEY, SMALL_KEYS, Load, Outcome
from benchmarks.file_servers import limited_nginx, rclone

LARGE_BYTES: Final = 1024**3
SMALL_BYTES: Final = 256 * 1024
#: What is fetched in a race.
ALL: Final = Load("all-models", (LARGE_KEY, *SMALL_KEYS))
LARGE: Final = Load("one-large-model", (LARGE_KEY,))
SMALL: Final = Load("many-small-models", SMALL_KEYS)
#: Bytes per second of one connection to the limited server.
LIMITED_RATE: Final = 50_000_000
#: Connections that our downloader opens (`runtime_image.model_downloader.bucket.CONNECTIONS`).
OUR_CONNECTIONS: Final = 16
#: Against a limit the rounds differ little, and curl takes 21 s.
MAX_LIMITED_ROUNDS: Final = 3
#: What must be reached: times s5cmd, both together; of connections times rate with a limit; megabytes.
MIN_RATIO_TO_S5CMD: Final = 1.1
MIN_PART_OF_LIMIT: Final = 0.95
MAX_RSS_MB: Final = 200.0
BLOCK_BYTES: Final = 16 * 1024 * 1024
Program = Callable[..., Outcome]
PROGRAMS: Final[Mapping[str, Program]] = {
    "ours": downloaders.ours,
    "s5cmd": downloaders.s5cmd,
    "boto3": downloaders.boto3,
    "curl": downloaders.curl,
}


def size_of(key: str) -> int:
    """Return the bytes of a file."""
    return LARGE_BYTES if key == LARGE_KEY else SMALL_BYTES


def make_files(root: Path) -> None:
    """Write what is to be fetched; a file that is in two buckets takes its room once."""
    for key in ALL.keys:
        path = root / ALL.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size_of(key), BLOCK_BYTES):
                file.write(os.urandom(min(BLOCK_BYTES, size_of(key) - start)))
    for load in (LARGE, SMALL):
        for key in load.keys:
            path = root / load.bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(root / ALL.bucket / key)


def race(url: str, load: Load, work: Path, *, rounds: int) -> dict[str, Outcome]:
    """Return the best of each program; they take turns, and each finds the memory and the file system alike."""
    best: dict[str, Outcome] = {}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            target = Path(tempfile.mkdtemp(dir=work))
            take_memory(target / "memory", sum(map(size_of, load.keys)))
            outcome = program(url, load, target)
            check(target, work / "files", load)
            empty(target)
            best[name] = min(best.get(name, outcome), outcome, key=lambda each: each.seconds)
    return best


def take_memory(path: Path, size: int) -> None:
    """Have the memory that files of that size will be in.

    A virtual machine's host takes free memory back within seconds: whoever came after a slow program would wait for it.
    """
    with path.open("wb") as file:
        for start in range(0, size, BLOCK_BYTES):
            file.write(bytes(min(BLOCK_BYTES, size - start)))
    path.unlink()


def empty(target: Path) -> None:
    """Give back the room of files without removing them.

    For minutes after that ext4 takes twice as long to make a file: it passes over each that was just removed.
    """
    for path in target.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def check(target: Path, files: Path, load: Load) -> None:
    """Raise unless everything has come, whole."""
    # Some programs keep the folders of the bucket, others do not; the names differ without them, too.
    arrived = {path.name: path for path in target.rglob("*") if path.is_file()}
    for key in load.keys:
        path = arrived.get(Path(key).name)
        if path is None or not filecmp.cmp(path, files / load.bucket / key, shallow=False):
            raise RuntimeError(f"{key} has not arrived, or differs from what was served")


def mb_per_second(outcome: Outcome, size: int) -> float:
    """Return the rate."""
    return round(size / outcome.seconds / 1e6, 1)


def line(race_name: str, program: str, outcome: Outcome, size: int) -> str:
    """Return a row for people."""
    return (
        f"{race_name:10} {program:6} {mb_per_second(outcome, size):8.1f} MB/s  {outcome.seconds:6.2f} s"
        f"  {outcome.process_seconds:6.2f} s with its start  {outcome.peak_rss_mb:6.1f} MB"
    )


def main() -> int:
    """Measure, print, and tell by the exit status whether the targets are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object in the last line")
    parser.add_argument("--directory", type=Path, help="where the files go; needs 2.2 GiB (default: the temporary one)")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    rss_mb = 0.0
    with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
        work = Path(folder)
        # nginx serves as another user.
        work.chmod(0o755)
        root = work / "files"
        make_files(root)
        with (
            rclone(root) as unlimited,
            limited_nginx(root, LARGE.bucket, bytes_per_second=LIMITED_RATE, folder=work) as limited,
        ):
            for prefix, url, load, rounds in (
                ("", unlimited, ALL, arguments.rounds),
                ("large_", unlimited, LARGE, arguments.rounds),
                ("small_", unlimited, SMALL, arguments.rounds),
                ("limited_", limited, LARGE, min(arguments.rounds, MAX_LIMITED_ROUNDS)),
            ):
                outcomes = race(url, load, work, rounds=rounds)
                size = sum(map(size_of, load.keys))
                rss_mb = max(rss_mb, outcomes["ours"].peak_rss_mb)
                for name, outcome in outcomes.items():
                    figures[f"{prefix}{name}_mb_s"] = mb_per_second(outcome, size)
                    print(line(prefix.rstrip("_") or "both", name, outcome, size), flush=True)
    figures["limited_connections"] = OUR_CONNECTIONS
    figures["peak_rss_mb"] = round(rss_mb, 1)
    reached = {
        "ratio_to_s5cmd": figures["ours_mb_s"] / figures["s5cmd_mb_s"] >= MIN_RATIO_TO_S5CMD,
        "part_of_limit": figures["limited_ours_mb_s"] >= MIN_PART_OF_LIMIT * OUR_CONNECTIONS * LIMITED_RATE / 1e6,
        "memory": figures["peak_rss_mb"] <= MAX_RSS_MB,
    }
    for target, is_reached in reached.items():
        print(f"{target}: {'reached' if is_reached else 'MISSED'}")
    if arguments.json:
        print(json.dumps(figures))
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
