import pytest
from pydantic import Json

from contract.settings import InvalidEnvironment, Settings


class Example(Settings):
    queue_url: str
    visibility_timeout_seconds: int = 60
    link_buckets: Json[tuple[str, ...]] = ()


def test_fields_are_variables_in_capitals() -> None:
    settings = Example.from_environment({"QUEUE_URL": "q", "LINK_BUCKETS": '["a"]', "OTHER": "x"})
    assert settings == Example.model_construct(queue_url="q", visibility_timeout_seconds=60, link_buckets=("a",))
    assert Example.variables() == {"QUEUE_URL", "VISIBILITY_TIMEOUT_SECONDS", "LINK_BUCKETS"}


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidEnvironment) as error:
        Example.from_environment({"QUEUE_URL": "", "VISIBILITY_TIMEOUT_SECONDS": "soon", "LINK_BUCKETS": "{"})
    for name in Example.variables():
        assert name in str(error.value)
