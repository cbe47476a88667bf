"""Pace of a real Web UI under the agent, next to bare loops that only send requests.

It is for a machine with a GPU, where `--webui-url` names a Web UI with a model. The benchmark starts the agent and a
local AWS there. On a machine without a GPU, `gpu_busy.py` measures more.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.bare_loop import run_bare_loop
from benchmarks.benchmark_runtime import BenchmarkRuntime
from benchmarks.command_line import benchmark_parser, exit_on_sigterm, print_json
from benchmarks.processes import local_aws, running, start_agent, wait_until

IN_FLIGHT: Final = (1, 2, 3)
#: Requests before anything is measured: the first ones compile and allocate.
WARM_UP_TASKS: Final = 3
#: Seconds in which the agent must have done everything.
PATIENCE_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.1


def per_second(ends: Sequence[float]) -> float:
    """Return tasks per second, from the first end to the last."""
    return (len(ends) - 1) / (max(ends) - min(ends))


def agent_ends(options: argparse.Namespace, content: Mapping[str, Any], folder: Path) -> list[float]:
    """Run the tasks through the agent; return when each was committed, in seconds."""
    with ExitStack() as stack:
        aws_url, endpoint_url = stack.enter_context(local_aws(delay_ms=options.aws_delay_ms))
        runtime = BenchmarkRuntime(aws_url)
        for number in range(options.tasks):
            runtime.submit(f"task-{number}", "text-to-image", content, checkpoint=options.checkpoint)
        variables = runtime.agent_variables(endpoint_url=endpoint_url, webui_url=options.webui_url)
        log_file = folder / "agent.log"
        stack.enter_context(running(start_agent(variables, log_file=log_file)))
        wait_until(
            lambda: runtime.queued_messages() == 0,
            "the last message's deletion",
            seconds=PATIENCE_SECONDS,
            poll_seconds=POLL_SECONDS,
            log_file=log_file,
        )
        return [ended_at_ms / 1000 for ended_at_ms in runtime.completed_at_ms()]


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--webui-url", default="http://127.0.0.1:7860", help="the Web UI, with a model loaded")
    parser.add_argument("--checkpoint", required=True, help="file name of that model")
    parser.add_argument("--tasks", type=int, default=40, metavar="N", help="for each loop and for the agent")
    parser.add_argument("--steps", type=int, default=20, help="of each picture")
    parser.add_argument("--side", type=int, default=512, help="pixels of each picture")
    parser.add_argument("--pictures-per-task", type=int, default=1, help="in each answer")
    parser.add_argument("--aws-delay-ms", type=float, default=20.0, metavar="D", help="added to every call of AWS")
    return parser.parse_args()


def main() -> int:
    """Print the figures; exit code 1 if a task was lost."""
    options = parse_options()
    exit_on_sigterm()
    content = {
        "prompt": "a lighthouse at dusk",
        "steps": options.steps,
        "width": options.side,
        "height": options.side,
        "batch_size": options.pictures_per_task,
    }
    address, path = options.webui_url.removeprefix("http://"), "/sdapi/v1/txt2img"
    run_bare_loop(address, path=path, content=content, in_flight=1, tasks=WARM_UP_TASKS)
    figures: dict[str, float] = {}
    for number in IN_FLIGHT:
        ends = run_bare_loop(address, path=path, content=content, in_flight=number, tasks=options.tasks)
        figures[f"loop_{number}_tasks_per_second"] = per_second(ends)
        print(f"bare loop with {number} in flight: {per_second(ends):.2f} tasks a second", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        ends = agent_ends(options, content, Path(folder))
    figures["tasks_per_second"] = per_second(ends)
    figures["of_best_loop"] = per_second(ends) / max(figures[f"loop_{number}_tasks_per_second"] for number in IN_FLIGHT)
    figures["lost"] = options.tasks - len(ends)
    print(f"agent: {per_second(ends):.2f} tasks a second, {figures['of_best_loop']:.1%} of the best bare loop")
    print_json(options, figures)
    return int(figures["lost"] > 0)


if __name__ == "__main__":
    sys.exit(main())
