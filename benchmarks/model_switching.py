"""Gain of running tasks of one model together: a queue of mixed models, one agent, a stub Web UI.

The GPU is held for a chosen time for each picture and each switch. The report
also has the time of the same tasks in their order of arrival, computed from the same times without any overhead.
"""

import random
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Final

from benchmarks.benchmark_runtime import BenchmarkRuntime
from benchmarks.command_line import benchmark_parser, print_json
from benchmarks.processes import local_aws, running, serving, start_agent, wait_until
from benchmarks.stub_arguments import stub_arguments
from stub_webui.web_ui import CHECKPOINT, SWITCHES

#: Seconds beyond those of the tasks in their order, after which the agent has failed.
PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05


def main() -> int:
    """Measure and print."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--models", type=int, default=3)
    parser.add_argument("--seconds-per-picture", type=float, default=0.25)
    parser.add_argument("--switch-seconds", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = [CHECKPOINT, *(f"model-{number}.safetensors" for number in range(1, options.models))]
    # The models of a test, drawn the same in every run.
    draw = random.Random(options.seed)  # noqa: S311 - no secret
    wanted = [draw.choice(names) for _ in range(options.tasks)]
    switches_in_order = sum(first != second for first, second in pairwise([CHECKPOINT, *wanted]))
    seconds_in_order = options.tasks * options.seconds_per_picture + switches_in_order * options.switch_seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        arguments = stub_arguments(
            folder / "journal.jsonl",
            models=options.models,
            seconds_per_picture=options.seconds_per_picture,
            switch_seconds=options.switch_seconds,
        )
        webui = stack.enter_context(serving(arguments))
        aws_url, endpoint_url = stack.enter_context(local_aws())
        runtime = BenchmarkRuntime(aws_url)
        for number, checkpoint in enumerate(wanted):
            runtime.submit(f"task-{number}", "text-to-image", {"prompt": f"task-{number}"}, checkpoint=checkpoint)
        variables = runtime.agent_variables(endpoint_url=endpoint_url, webui_url=webui.url)
        log_file = folder / "agent.log"
        started_at = time.monotonic()
        with running(start_agent(variables, log_file=log_file)):
            wait_until(
                lambda: runtime.queued_messages() == 0,
                "the last message's deletion",
                seconds=seconds_in_order + PATIENCE_SECONDS,
                poll_seconds=POLL_SECONDS,
                log_file=log_file,
            )
            seconds = time.monotonic() - started_at
        done = len(runtime.whole_tasks())
        with urllib.request.urlopen(f"{webui.url}{SWITCHES}") as answer:  # noqa: S310 - of this machine
            switches = int(answer.read())
    figures = {
        "tasks": options.tasks,
        "done": done,
        "switches": switches,
        "switches_in_order": switches_in_order,
        "seconds": round(seconds, 1),
        "seconds_in_order": round(seconds_in_order, 1),
    }
    print(
        f"{done} tasks of {options.models} models: {switches} switches in {figures['seconds']} s;"
        f" in their order {switches_in_order} switches, {figures['seconds_in_order']} s without any overhead"
    )
    print_json(options, figures)
    return 0 if done == options.tasks and seconds < seconds_in_order else 1


if __name__ == "__main__":
    sys.exit(main())
