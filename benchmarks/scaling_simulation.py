"""Simulation of the fleet under an environment's own scaling and under a plain policy, without any process.

Machines, prices and the length of tasks are assumptions (`cli/cost/machines.py`); put in your own figures.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Final

from benchmarks.command_line import benchmark_parser, print_json
from benchmarks.scaling.plot import draw
from benchmarks.scaling.scenarios import SCENARIOS
from cli.cost.fleet import SimulatedFleet
from cli.cost.fleet_report import FleetReport, report_of
from cli.cost.machines import Machines
from cli.cost.scaler import Scaler
from cli.cost.scenario import Scenario
from stacks.environment_file import load_environment

#: What a queue-based scaler is often set to: ten messages a replica, those in flight not counted, a minute's patience.
PLAIN_TASKS_PER_REPLICA: Final = 10
PLAIN_COOLDOWN_SECONDS: Final = 60
#: US dollars per hour of a machine: a typical spot price of a g6.xlarge in us-east-1.
PRICE_PER_HOUR: Final = 0.35
#: Options that replace an assumption on machines.
_MACHINE_OPTIONS: Final = ("node_seconds", "image_seconds", "model_seconds", "webui_seconds")


def simulate(scenario: Scenario, scaler: Scaler, seed: int) -> SimulatedFleet:
    """Return a finished run."""
    scaling = scaler.scaling
    if scenario.max_replicas:
        scaling = scaling.model_copy(update={"max_replicas": scenario.max_replicas})
    chance = random.Random(seed)  # noqa: S311 - a simulation that can be repeated, no secret
    fleet = SimulatedFleet(scenario, Scaler(scaling, scaler.counts_in_flight), chance)
    fleet.run()
    return fleet


def scenario_with(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    """Return a scenario with the assumptions of the command line."""
    changes = {name: value for name in _MACHINE_OPTIONS if (value := getattr(options, name)) is not None}
    scenario = replace(scenario, machines=replace(scenario.machines, **changes))
    return scenario if options.task_seconds is None else replace(scenario, task_seconds=options.task_seconds)


def scalers(options: argparse.Namespace) -> dict[str, Scaler]:
    """Return the environment's scaler, the plain one within the same bounds, and those of the command line, by name."""
    environment = load_environment(options.environment)
    scaling = {runtime.name: runtime.scaling for runtime in environment.runtimes}
    if options.runtime not in {None, *scaling}:
        raise ValueError(f"{environment.name} has no runtime {options.runtime!r}; it has {', '.join(scaling)}")
    ours = scaling[options.runtime or next(iter(scaling))]

    def changed(tasks: int, cooldown: int, *, counts_in_flight: bool = True) -> Scaler:
        values = {"tasks_per_replica": tasks, "cooldown_seconds": cooldown}
        return Scaler(ours.model_copy(update=values), counts_in_flight)

    return {
        environment.name: Scaler(ours),
        "plain": changed(PLAIN_TASKS_PER_REPLICA, PLAIN_COOLDOWN_SECONDS, counts_in_flight=False),
        **{
            f"{tasks} tasks, {cooldown} s": changed(tasks, cooldown)
            for tasks in options.tasks_per_replica
            for cooldown in options.cooldown_seconds or [ours.cooldown_seconds]
        },
    }


def table(title: str, rows: dict[str, FleetReport]) -> str:
    """Return a scenario's reports as text."""
    head = (
        f"{'':20}{'delay p50':>10}{'p95':>8}{'p99':>8}{'GPU h paid':>12}{'busy':>8}{'share':>8}{'most':>6}{'$/1000':>8}"
    )
    lines = [title, head]
    for name, report in rows.items():
        lines.append(
            f"  {name:18}{report.delay_p50_seconds:10.0f}{report.delay_p95_seconds:8.0f}{report.delay_p99_seconds:8.0f}"
            f"{report.gpu_hours_paid:12.1f}{report.gpu_hours_busy:8.1f}{report.busy_share:8.0%}"
            f"{report.most_replicas:6d}{report.cost_per_thousand_tasks:8.2f}"
        )
    return "\n".join(lines)


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--scenario", choices=SCENARIOS, action="append", help="one of them; may be repeated")
    parser.add_argument("--environment", default="prod", help="a file of environments/, by name or path")
    parser.add_argument("--runtime", help="name of the runtime; the first of the environment without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tasks-per-replica", type=int, nargs="+", default=[], metavar="N", help="variants in addition to ours"
    )
    parser.add_argument("--cooldown-seconds", type=int, nargs="+", default=[], metavar="S", help="variants of them")
    parser.add_argument("--task-seconds", type=float, metavar="S", help="mean time of a task on the GPU")
    for name in _MACHINE_OPTIONS:
        default = next(field.default for field in fields(Machines) if field.name == name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="S", help=f"instead of {default}")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write a picture of each scenario into DIR")
    return parser.parse_args(arguments)


def main() -> int:
    """Simulate and print; exit code 2 if there is nothing to simulate by that name."""
    options = parse_options()
    results: dict[str, dict[str, FleetReport]] = {}
    try:
        candidates = scalers(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for name in options.scenario or SCENARIOS:
        scenario = scenario_with(SCENARIOS[name], options)
        fleets = {row: simulate(scenario, scaler, options.seed) for row, scaler in candidates.items()}
        results[name] = {row: report_of(fleet, price_per_hour=PRICE_PER_HOUR) for row, fleet in fleets.items()}
        print(table(f"{name}: {scenario.title}", results[name]), flush=True)
        if options.plots:
            draw(scenario.title, dict(list(fleets.items())[:2]), options.plots / f"scaling-{name}.png")
    print_json(options, {name: {row: asdict(report) for row, report in rows.items()} for name, rows in results.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
