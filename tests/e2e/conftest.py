"""Local systems of the end-to-end tests: started as a user starts them, used over their public interfaces."""

from collections.abc import Iterator

import pytest

from tests.harness.local_system import STUB_SECONDS_PER_STEP, System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run the system of nearly all tests. Its stub Web UIs draw plain images."""
    with running_system(tmp_path_factory.mktemp("system"), "--stub-webui", str(STUB_SECONDS_PER_STEP)) as started:
        yield started


@pytest.fixture(scope="module")
def described_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system for generated requests. Their webhooks lead nowhere, and would delay those of other tests."""
    with running_system(tmp_path_factory.mktemp("described"), "--stub-webui", "0") as started:
        yield started


@pytest.fixture(scope="session")
def drawing_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system with embedded Web UIs, for the tests that are slow because they draw."""
    with running_system(tmp_path_factory.mktemp("drawing")) as started:
        yield started
