"""Environment of every test: no test ever sees real credentials, a real region or a real endpoint."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

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


@pytest.fixture(autouse=True, scope="session")
def _no_real_aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.delenv(name, raising=False)
        yield
