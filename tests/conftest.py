"""Environment of every test: no test ever sees real credentials, a real region or a real endpoint."""

import functools
import gc
import sys
from collections.abc import Generator, Iterator

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

from local.aws.moto_corrections import correct_moto

pytest_plugins = ("tests.harness.browser_report", "tests.permissions.plugin")

# Deadlines measure this machine's load, not the code.
settings.register_profile("darkroom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("darkroom")

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # Several workers share the processors, where threads of torch would only wait for each other.
    "OMP_NUM_THREADS": "1",
}


#: Packages that take a second or more to import. Every process of a parallel run imports every test file, so a file
#: imports them only in its tests.
EXPENSIVE = ("diffusers", "matplotlib", "torch", "transformers")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without a search for garbage, which is a sixth of it: what a collection creates, stays."""
    imported_before = set(sys.modules)
    gc.disable()
    try:
        result = yield
    finally:
        gc.freeze()
        gc.enable()
    if expensive := set(EXPENSIVE) & set(sys.modules) - imported_before:
        raise pytest.UsageError(f"import {', '.join(sorted(expensive))} in the tests, not in their files")
    return result


@pytest.fixture(autouse=True, scope="session")
def _no_real_aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _moto_is_corrected() -> None:
    correct_moto()


@pytest.fixture(autouse=True, scope="session")
def _services_are_described_once() -> Iterator[None]:
    """Keep botocore's descriptions of the services, which each of a thousand sessions would parse for 0.1 s."""
    load = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load(path))
        yield
