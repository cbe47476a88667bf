"""Import time of a cold Lambda function's handler, against `import boto3` plus one client.

Each import runs in a separate process. The best of `--repeats` counts, because other work on the machine only adds.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.command_line import benchmark_parser, print_json

#: Limit of a handler's time, in times of the baseline.
LIMIT_RATIO: Final = 1.4
BASELINE: Final = "import boto3; boto3.client('sns', region_name='us-east-1')"
PROJECT: Final = Path(__file__).parents[1]


def handlers() -> Iterator[str]:
    """Yield the module of every handler in the bundle."""
    for path in sorted(PROJECT.glob("lambdas/*/handler.py")):
        yield f"lambdas.{path.parent.name}.handler"


def measure(statements: Mapping[str, str], repeats: int) -> dict[str, float]:
    """Return the best time of each statement in milliseconds, an empty process deducted; rounds take turns."""
    best = dict.fromkeys(["empty", *statements], float("inf"))
    for _ in range(repeats):
        for name, statement in {"empty": "pass", **statements}.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, cwd=PROJECT, env=dict(os.environ))
            best[name] = min(best[name], (time.perf_counter() - started) * 1000)
    empty = best.pop("empty")
    return {name: milliseconds - empty for name, milliseconds in best.items()}


def main() -> int:
    """Print the figures; exit code 1 if a handler is above the limit."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="processes for each import")
    options = parser.parse_args()

    statements = {"baseline": BASELINE} | {module: f"import {module}" for module in handlers()}
    times_ms = measure(statements, options.repeats)
    baseline_ms = times_ms.pop("baseline")
    ratios = {module: milliseconds / baseline_ms for module, milliseconds in times_ms.items()}
    print(f"{baseline_ms:6.0f} ms        import boto3 and make one client")
    for module, milliseconds in times_ms.items():
        print(f"{milliseconds:6.0f} ms {ratios[module]:5.2f}x {module}")
    worst = max(ratios.values())
    print(f"worst {worst:.2f}x, limit {LIMIT_RATIO}x")
    figures = {
        "baseline_ms": round(baseline_ms, 1),
        "handlers_ms": {module: round(milliseconds, 1) for module, milliseconds in times_ms.items()},
        "worst_ratio": round(worst, 3),
        "limit_ratio": LIMIT_RATIO,
    }
    print_json(options, figures)
    return int(worst > LIMIT_RATIO)


if __name__ == "__main__":
    sys.exit(main())
