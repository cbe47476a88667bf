"""Environment of every test: no test ever sees real credentials, a real region or a real endpoint."""

import functools
import gc
import sys
from collections.abc import Generator, Iterator

import pytest
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader
from httpx._config import create_ssl_context
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
def _certificates_are_read_once() -> Iterator[None]:
    """Keep the TLS context of httpx, which reads all certificates, 25 ms, for each client and each `httpx.get`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(create_ssl_context))
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_real_aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.delenv(name, raising=False)
        yield


def pytest_sessionfinish() -> None:
    """Search for garbage once: pytest searches five times at the end, each time through all that the tests left."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _moto_is_corrected() -> Iterator[None]:
    correct_moto()
    with pytest.MonkeyPatch.context() as patch:
        # moto also prepares 1,400 answers for the package `requests` each time it starts, by which no test calls AWS.
        patch.setattr("moto.core.models.RESPONSES_METHODS", [])
        yield


@pytest.fixture(autouse=True, scope="session")
def _sessions_are_cheap() -> Iterator[None]:
    """Keep what botocore finds out for every session again, which is most of the 30 ms that a session takes.

    These are its descriptions of services, the names of its folders, and how its events are named now.
    """
    load = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    alias = functools.cache(EventAliaser(HierarchicalEmitter())._alias_event_name)  # type: ignore[attr-defined]  # private
    find_services = Loader.list_available_services
    found: dict[tuple[str, ...], list[str]] = {}

    def list_services(loader: Loader, type_name: str) -> list[str]:
        place = (type_name, *loader.search_paths)
        if place not in found:
            found[place] = find_services(loader, type_name)
        return found[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load(path))
        patch.setattr(EventAliaser, "_alias_event_name", lambda _, name: alias(name))
        patch.setattr(Loader, "list_available_services", list_services)
        yield
