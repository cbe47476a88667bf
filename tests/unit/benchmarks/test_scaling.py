"""The simulated fleet keeps its own accounts, and reads the environments' own parameters."""

import json
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scaling.plot import draw
from benchmarks.scaling.scenarios import SCENARIOS
from benchmarks.scaling_simulation import parse_options, scalers
from cli.cost import machines
from cli.cost.fleet import SimulatedFleet
from cli.cost.fleet_report import FleetReport, report_of
from cli.cost.machines import Machines
from cli.cost.scaler import Scaler
from cli.cost.scenario import Scenario
from stacks.config import Scaling
from stacks.constructs.kubernetes import node_pools
from stacks.environment_file import load_environment

PROJECT = Path(__file__).parents[3]
SCALING = Scaling(min_replicas=0, max_replicas=5, tasks_per_replica=2, cooldown_seconds=60, polling_seconds=10)


def fleet_of(
    times: list[float], scaling: Scaling = SCALING, task_seconds: float = 4.0, **assumptions: float
) -> SimulatedFleet:
    scenario = Scenario(
        "test", lambda _: iter(sorted(times)), hours=0.5, task_seconds=task_seconds, machines=Machines(**assumptions)
    )
    fleet = SimulatedFleet(scenario, Scaler(scaling), random.Random(1))  # noqa: S311 - a simulation
    fleet.run()
    return fleet


def priced(fleet: SimulatedFleet) -> FleetReport:
    return report_of(fleet, price_per_hour=0.5)


def test_the_policy_is_that_of_the_environment() -> None:
    scaling = load_environment("example").runtimes[0].scaling
    assert scalers(parse_options(["--environment", "example"]))["example"].scaling == scaling
    of_another = scalers(parse_options(["--environment", "example", "--runtime", "dynamic"]))["example"]
    assert of_another.scaling.tasks_per_replica == Scaling().tasks_per_replica


def test_an_unknown_runtime_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no runtime 'x'; it has sd-xl, dynamic"):
        scalers(parse_options(["--environment", "example", "--runtime", "x"]))


def test_need_counts_what_is_worked_on_and_is_kept_for_the_cooldown() -> None:
    scaler = Scaler(SCALING)
    assert scaler.decide(0, waiting=0, in_flight=0) == 0
    assert scaler.decide(10, waiting=1, in_flight=0) == 1
    assert scaler.decide(20, waiting=100, in_flight=2) == 5
    assert scaler.decide(80, waiting=0, in_flight=3) == 5
    assert scaler.decide(81, waiting=0, in_flight=3) == 2
    assert Scaler(SCALING, counts_in_flight=False).decide(0, waiting=0, in_flight=3) == 0


def test_an_empty_machine_stays_as_long_as_the_node_pools_say() -> None:
    assert f"{machines.LINGER_SECONDS:.0f}s" == node_pools.CONSOLIDATE_AFTER


def test_what_an_interruption_costs_a_caller_is_part_of_the_delay() -> None:
    # Machines live for three minutes on average, and a task takes longer than the notice of two.
    fleet = fleet_of([0.0], task_seconds=240.0, interruptions_per_hour=20)
    (task,) = fleet.tasks
    assert task.attempts > 1
    assert task.begun_at is not None
    assert task.ended_at is not None
    assert task.ended_at - task.begun_at == pytest.approx(task.seconds)
    assert priced(fleet).delay_p50_seconds == pytest.approx(task.ended_at - task.seconds, abs=0.1)


def test_nothing_costs_nothing() -> None:
    report = priced(fleet_of([]))
    assert (report.gpu_hours_paid, report.cost, report.most_replicas) == (0, 0, 0)


def test_one_task_waits_for_one_machine_which_is_then_given_back() -> None:
    fleet = fleet_of([0.0])
    report = priced(fleet)
    assert report.most_replicas == 1
    assert 60 < report.delay_p50_seconds < 400
    assert fleet.replicas == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1500), max_size=60),
    st.floats(0, 20),
    st.integers(0, 3),
)
def test_every_task_ends_and_the_accounts_agree(times: list[float], interruptions: float, minimum: int) -> None:
    fleet = fleet_of(times, SCALING.model_copy(update={"min_replicas": minimum}), interruptions_per_hour=interruptions)
    report = priced(fleet)

    assert len(fleet.tasks) == len(times)
    assert all(task.ended_at is not None for task in fleet.tasks)
    assert sum(task.attempts - 1 for task in fleet.tasks) <= fleet.interruptions
    assert report.gpu_hours_busy == pytest.approx(sum(task.seconds for task in fleet.tasks) / 3600, abs=0.01)
    assert report.gpu_hours_paid >= report.gpu_hours_busy
    # A removed replica is replaced at the next decision.
    assert len(fleet.replicas) <= minimum if interruptions else len(fleet.replicas) == minimum
    assert all(earlier.at < later.at for earlier, later in pairwise(fleet.states))


@pytest.mark.parametrize("name", SCENARIOS)
def test_arrivals_are_in_order_and_within_the_scenario(name: str) -> None:
    scenario = SCENARIOS[name]
    times = list(scenario.arrivals(random.Random(0)))  # noqa: S311 - a simulation
    assert times == sorted(times)
    assert all(0 <= at < scenario.hours * 3600 for at in times)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    fleet = fleet_of([0.0, 1.0, 2.0])
    for number in (1, 2):
        draw("test", {"test": fleet}, tmp_path / f"{number}.png")
    first, second = ((tmp_path / f"{number}.png").read_bytes() for number in (1, 2))
    assert first.startswith(b"\x89PNG")
    assert first == second


def test_the_command_ends_with_one_json_object() -> None:
    command = [sys.executable, "-m", "benchmarks.scaling_simulation", "--scenario", "burst", "--json"]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    reports = json.loads(output.splitlines()[-1])["burst"]
    assert reports.keys() == {"prod", "plain"}
    assert reports["prod"]["tasks"] == 1000
