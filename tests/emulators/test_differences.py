"""Table of known differences: each line belongs to a contract."""

from importlib import import_module

import pytest

from tests.emulators.differences import DIFFERENCES, Difference, difference_of


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: f"{difference.emulator} {difference.test}")
def test_a_difference_names_a_contract(difference: Difference) -> None:
    module = import_module(f"tests.emulators.{difference.module}")
    function, _, parameters = difference.test.partition("[")
    assert hasattr(module, function), f"{difference.module} has no {function}"
    shown = f"{function}[{difference.emulator}-{parameters}" if parameters else f"{function}[{difference.emulator}]"
    assert difference_of(module.__name__, shown) == difference


@pytest.mark.parametrize(
    ("module", "test"),
    [
        ("tests.emulators.test_objects", "test_an_expired_address_is_refused[other]"),
        ("tests.emulators.test_queues", "test_an_expired_address_is_refused[local]"),
        ("tests.emulators.test_tables", "test_a_wrong_item_is_refused[local-too large]"),
        ("tests.emulators.test_tables", "test_without_parameters"),
    ],
)
def test_another_test_has_none(module: str, test: str) -> None:
    assert difference_of(module, test) is None
