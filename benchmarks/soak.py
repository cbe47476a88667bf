"""Soak test: many tasks through the local system while agents are killed, engines crash and AWS fails.

Every second task is a workflow of ComfyUI, and every second replica has a ComfyUI.

Everything random comes from `--seed`; when it happens depends on the machine.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.command_line import benchmark_parser, exit_on_sigterm, print_json
from benchmarks.local_system import RUNTIME, WORKFLOW_CHECKPOINT, WORKFLOWS, LocalSystemProcess, local_system
from benchmarks.processes import serving
from benchmarks.replica import ReplicaProcess
from benchmarks.verdict import Verdict, judge

#: Seconds; short, so that the tasks of a killed agent soon run again.
VISIBILITY_TIMEOUT_SECONDS: Final = 10
POLL_SECONDS: Final = 0.2
#: Seconds for which a wrong second callback is waited for after the last task's first.
SETTLE_SECONDS: Final = 3.0
#: Disturbances of a replica, in addition to a crash of its engine.
SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM)


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._chance = random.Random(options.seed)  # noqa: S311 - disturbances that can be repeated, no secret
        self._task_ids = [f"soak-{number:05d}" for number in range(options.tasks)]

    def run(self) -> Verdict:
        """Publish the tasks, disturb until all have ended, and judge."""
        with ExitStack() as stack:
            system = stack.enter_context(
                local_system(self._folder, visibility_timeout_seconds=VISIBILITY_TIMEOUT_SECONDS)
            )
            arguments = ["--failure-rate", str(self._options.failure_rate), "--seed", str(self._options.seed)]
            proxy = stack.enter_context(
                serving(
                    ["-m", "benchmarks.aws_proxy", "--target", system.endpoints["aws_endpoint_url"], *arguments],
                )
            )
            replicas = []
            for number in range(self._options.agents):
                has_comfyui = number % 2 == 1
                variables = system.agent_variables(WORKFLOWS if has_comfyui else RUNTIME)
                replica = ReplicaProcess(
                    number,
                    folder=self._folder,
                    variables={**variables, "AWS_ENDPOINT_URL": proxy.url},
                    seconds_per_picture=self._options.seconds_per_picture,
                    comfyui_checkpoint=WORKFLOW_CHECKPOINT if has_comfyui else None,
                )
                stack.callback(replica.close)
                replicas.append(replica)
            system.publish(self._task_ids)
            self._disturb_until_over(system, replicas)
            return judge(
                self._task_ids,
                records=system.records(),
                callbacks=system.callbacks(),
                stored=system.stored(),
                generations={number: replica.generations for number, replica in enumerate(replicas)},
                disturbances=[disturbance for replica in replicas for disturbance in replica.disturbances],
            )

    def _disturb_until_over(self, system: LocalSystemProcess, replicas: list[ReplicaProcess]) -> None:
        started_at = time.monotonic()
        next_at, deadline = started_at + self._options.seconds_between, started_at + self._options.max_seconds
        over_at: float | None = None
        while time.monotonic() < min(deadline, (over_at or deadline) + SETTLE_SECONDS):
            time.sleep(POLL_SECONDS)
            for replica in replicas:
                replica.restart_if_ended()
            if over_at is None and time.monotonic() >= next_at:
                self._chance.choice(self._disturbances_of(self._chance.choice(replicas)))()
                next_at = time.monotonic() + self._options.seconds_between
            if over_at is None and len({callback["id"] for callback in system.callbacks()}) >= len(self._task_ids):
                over_at = time.monotonic()

    def _disturbances_of(self, replica: ReplicaProcess) -> list[Callable[[], None]]:
        return [*(partial(replica.send, number) for number in SIGNALS), replica.crash_engine]


def report(options: argparse.Namespace, verdict: Verdict, seconds: float) -> str:
    """Return the verdict in words."""
    lines = [
        f"{options.tasks} tasks over {options.agents} agents in {seconds:.0f} s, seed {options.seed}",
        f"  final states  {verdict.statuses}",
        f"  disturbances  {verdict.disturbances}",
        f"  generations   {verdict.generations}, of which {verdict.repeated} again after a disturbance",
    ]
    for name, value in asdict(verdict).items():
        if isinstance(value, list):
            lines.append(f"  {name.replace('_', ' '):26}{len(value)}" + (f": {value[:5]}" if value else ""))
    return "\n".join(lines)


def parse_options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--seconds-per-picture", type=float, default=0.1, metavar="T")
    parser.add_argument("--seconds-between", type=float, default=4.0, help="two disturbances")
    parser.add_argument("--failure-rate", type=float, default=0.01, help="part of the agents' AWS calls that fail")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-seconds", type=float, default=1200.0, help="after which active tasks count as lost")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write logs and journals to DIR and leave them there")
    return parser.parse_args()


def main() -> int:
    """Print the verdict; exit code 1 if a promise was broken."""
    options = parse_options()
    exit_on_sigterm()
    started_at = time.monotonic()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        verdict = Soak(options, folder.resolve()).run()
    print(report(options, verdict, time.monotonic() - started_at))
    print_json(options, asdict(verdict))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
