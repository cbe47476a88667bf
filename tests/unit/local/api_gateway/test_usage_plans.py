import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.rest_api import Key, Limit
from local.api_gateway.usage_plans import UsagePlans


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def plans(clock: Clock, *, rate: float | None = 2, burst: int | None = 3, day: int | None = None) -> UsagePlans:
    return UsagePlans((Key("id", "right", Limit(rate, burst, day)),), now=clock)


def refusal(usage_plans: UsagePlans, key: str = "right") -> str | None:
    try:
        usage_plans.admit(key)
    except GatewayError as refused:
        return refused.response_type
    return None


def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    usage_plans = plans(clock)
    assert [refusal(usage_plans) for _ in range(4)] == [None, None, None, "THROTTLED"]
    clock.seconds += 0.5
    assert [refusal(usage_plans) for _ in range(2)] == [None, "THROTTLED"]
    clock.seconds += 3600
    assert [refusal(usage_plans) for _ in range(4)] == [None, None, None, "THROTTLED"]


def test_a_quota_begins_anew_every_day() -> None:
    clock = Clock()
    usage_plans = plans(clock, rate=None, burst=None, day=2)
    assert [refusal(usage_plans) for _ in range(3)] == [None, None, "QUOTA_EXCEEDED"]
    clock.seconds += 86_400
    assert refusal(usage_plans) is None


@pytest.mark.parametrize("key", ["wrong", ""])
def test_a_strange_key_opens_nothing(key: str) -> None:
    assert refusal(plans(Clock()), key) == "INVALID_API_KEY"


def test_the_key_is_known_by_its_id() -> None:
    assert plans(Clock()).admit("right").key_id == "id"


@given(st.lists(st.floats(0, 5), max_size=50))
def test_no_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = Clock()
    usage_plans = plans(clock)
    admitted = 0
    for pause in pauses:
        clock.seconds += pause
        admitted += refusal(usage_plans) is None
    assert admitted <= 3 + 2 * sum(pauses) + 1e-3
