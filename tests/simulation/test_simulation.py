"""Simulations of the whole system: rules that hold whatever steps and faults a seed draws."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contract import transitions
from lambdas.advance_batches import batch_worker
from tests.simulation.rules import RULES
from tests.simulation.simulation import Simulation
from tests.simulation.world import Trace
from tests.unit.lambdas.harness import Harness

FIRST_SEED = int(os.environ.get("FIRST_SEED", "0"))
#: Each takes most of a second of processor time, so that `make test` has the first two alone.
SEEDS = 45
STEPS = 80
#: In it a task has two messages, whose deliveries are released several times.
SEED_OF_MANY_ATTEMPTS = 5
COMMAND = 'FIRST_SEED={seed} .venv/bin/pytest "tests/simulation/test_simulation.py::test_the_rules_hold[{seed}]"'


@pytest.fixture(autouse=True)
def _small_steps_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_worker, "STEP", 2)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, marks=pytest.mark.slow if seed > FIRST_SEED + 1 else ())
        for seed in range(FIRST_SEED, FIRST_SEED + SEEDS)
    ],
)
def test_the_rules_hold(harness: Harness, seed: int) -> None:
    assert problems_of(harness, seed) == ""


def test_a_broken_rule_is_found_and_its_trace_shown(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "MAX_ATTEMPTS", 99)

    report = problems_of(harness, SEED_OF_MANY_ATTEMPTS)

    assert "attempts; 3 are allowed" in report
    assert COMMAND.format(seed=SEED_OF_MANY_ATTEMPTS) in report
    claims = [line for line in report.splitlines() if "set_status=IN_PROGRESS" in line]
    assert len(claims) > 3
    assert claims == sorted(claims), "the seconds in front put them in order"


def problems_of(harness: Harness, seed: int) -> str:
    """Return the report of what is wrong after a simulation; empty if no rule is broken."""
    simulation = Simulation(harness, seed)
    with logging_to(simulation.trace):
        simulation.run(STEPS)
    problems = [(name, f"{rule.__doc__} {name} {problem}") for rule in RULES for name, problem in rule(simulation)]
    if not problems:
        return ""
    name = problems[0][0]
    return "\n".join(
        [
            f"Seed {seed} breaks rules. Repeat it: {COMMAND.format(seed=seed)}",
            *dict.fromkeys(problem for _, problem in problems),
            f"All that happened to {name}:",
            *simulation.trace.of(name),
        ]
    )


@contextmanager
def logging_to(trace: Trace) -> Iterator[None]:
    """Add the log lines of functions and agents to a trace."""
    logging.getLogger("simulation").setLevel(logging.INFO)
    logging.getLogger().addHandler(trace)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(trace)
