"""Rate of model downloads next to s5cmd, boto3's transfer and the AWS CRT, in one run, with equal connections each.

A runtime needs one checkpoint of 2 to 7 GB and a few small files. S3 answers after 20 ms and sends 50 to 90 MB/s over
each connection. nginx serves a file of 1 GiB like this. `rclone serve s3` serves the file and 20 small ones without a
limit. The programs run in turns. The best of `--rounds` counts, because other work on the machine only adds time.
"""

import filecmp
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import downloaders
from benchmarks.command_line import benchmark_parser, print_json
from benchmarks.downloaders import LARGE_KEY, SMALL_KEYS, DownloadOutcome, Load
from benchmarks.file_servers import limited_nginx, rclone

LARGE_BYTES: Final = 1024**3
SMALL_BYTES: Final = 256 * 1024
#: Files of the races.
ALL: Final = Load("all-models", (LARGE_KEY, *SMALL_KEYS))
LARGE: Final = Load("one-large-model", (LARGE_KEY,))
#: Megabytes per second of one connection to S3, at the least and at the most, and milliseconds until it answers.
RATES_MB_S: Final = (50, 90)
LATENCY_MS: Final = 20
#: Targets: share of the best program's rate for the large file with each limit, and megabytes of memory.
MIN_SHARE_OF_BEST: Final = 0.9
MAX_RSS_MB: Final = 200.0
BLOCK_BYTES: Final = 16 * 1024 * 1024
Program = Callable[[str, Load, Path], DownloadOutcome]
PROGRAMS: Final[Mapping[str, Program]] = {
    "ours": downloaders.ours,
    "s5cmd": downloaders.s5cmd,
    "boto3": downloaders.boto3,
    "crt": downloaders.crt,
}


def size_of(key: str) -> int:
    """Return the bytes of a file."""
    return LARGE_BYTES if key == LARGE_KEY else SMALL_BYTES


def make_files(root: Path) -> None:
    """Write the files to download. A file in two buckets occupies the disk once."""
    for key in ALL.keys:
        path = root / ALL.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size_of(key), BLOCK_BYTES):
                file.write(os.urandom(min(BLOCK_BYTES, size_of(key) - start)))
    path = root / LARGE.bucket / LARGE_KEY
    path.parent.mkdir(parents=True)
    path.hardlink_to(root / ALL.bucket / LARGE_KEY)


def race(
    url: str, load: Load, work: Path, *, rounds: int, programs: Mapping[str, Program]
) -> dict[str, DownloadOutcome]:
    """Return the best of each program. They run in turns, each with the same memory and file system."""
    best: dict[str, DownloadOutcome] = {}
    for _ in range(rounds):
        for name, program in programs.items():
            target = Path(tempfile.mkdtemp(dir=work))
            occupy_memory(target / "memory", sum(map(size_of, load.keys)))
            outcome = program(url, load, target)
            check(target, work / "files", load)
            empty(target)
            best[name] = min(best.get(name, outcome), outcome, key=lambda each: each.seconds)
    return best


def occupy_memory(path: Path, size: int) -> None:
    """Make the host give the memory that files of that size will need.

    A virtual machine's host reclaims free memory within seconds: the program after a slow one would wait for it.
    """
    with path.open("wb") as file:
        for start in range(0, size, BLOCK_BYTES):
            file.write(bytes(min(BLOCK_BYTES, size - start)))
    path.unlink()


def empty(target: Path) -> None:
    """Free the space of files but keep the files.

    For minutes after a removal, ext4 creates files half as fast, because it skips each removed one.
    """
    for path in target.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)


def check(target: Path, files: Path, load: Load) -> None:
    """Raise unless all files have arrived whole."""
    # Some programs keep the folders of the bucket and others do not. The names differ without folders, too.
    arrived = {path.name: path for path in target.rglob("*") if path.is_file()}
    for key in load.keys:
        path = arrived.get(Path(key).name)
        if path is None or not filecmp.cmp(path, files / load.bucket / key, shallow=False):
            raise RuntimeError(f"{key} has not arrived, or differs from what was served")


def mb_per_second(outcome: DownloadOutcome, size: int) -> float:
    """Return the rate."""
    return round(size / outcome.seconds / 1e6, 1)


def line(race_name: str, program: str, outcome: DownloadOutcome, size: int) -> str:
    """Return a row for people."""
    return (
        f"{race_name:12} {program:6} {mb_per_second(outcome, size):8.1f} MB/s  {outcome.seconds:6.2f} s"
        f"  {outcome.cpu_seconds:6.2f} s CPU  {outcome.peak_rss_mb:6.1f} MB"
    )


def main() -> int:
    """Measure and print; return 1 if a target is missed."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="folder of the files instead of a temporary one; needs 2.2 GiB")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
        work = Path(folder)
        # nginx serves as another user.
        work.chmod(0o755)
        root = work / "files"
        make_files(root)

        def run(name: str, url: str, load: Load, programs: Mapping[str, Program]) -> None:
            size = sum(map(size_of, load.keys))
            for program, outcome in race(url, load, work, rounds=arguments.rounds, programs=programs).items():
                figures[f"{name}_{program}_mb_s"] = mb_per_second(outcome, size)
                figures[f"{name}_{program}_cpu_s"] = round(outcome.cpu_seconds, 2)
                rss = f"{program}_peak_rss_mb"
                figures[rss] = max(figures.get(rss, 0.0), round(outcome.peak_rss_mb, 1))
                print(line(name, program, outcome, size), flush=True)

        for rate in RATES_MB_S:
            limit = rate * 1_000_000
            with limited_nginx(root, LARGE.bucket, bytes_per_second=limit, latency_ms=LATENCY_MS, folder=work) as url:
                run(f"limit_{rate}", url, LARGE, PROGRAMS)
        # The CRT puts the bucket into the host's name, which rclone does not serve.
        with rclone(root) as url:
            run("unlimited", url, ALL, {name: PROGRAMS[name] for name in ("ours", "s5cmd", "boto3")})
    reached = {"memory": figures["ours_peak_rss_mb"] <= MAX_RSS_MB}
    for rate in RATES_MB_S:
        best = max(figures[f"limit_{rate}_{program}_mb_s"] for program in PROGRAMS)
        figures[f"limit_{rate}_share_of_best"] = round(figures[f"limit_{rate}_ours_mb_s"] / best, 3)
        reached[f"share_of_best_at_{rate}"] = figures[f"limit_{rate}_share_of_best"] >= MIN_SHARE_OF_BEST
    for target, is_reached in reached.items():
        print(f"{target}: {'reached' if is_reached else 'MISSED'}")
    print_json(arguments, figures)
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
