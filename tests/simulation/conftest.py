"""Fixtures of the simulations: those of the functions' tests."""

from tests.unit.lambdas.conftest import _powertools, harness

__all__ = ["_powertools", "harness"]
