"""Usage plans: limits on a key's requests, by API Gateway's token bucket and its daily quota."""

import time
from collections.abc import Callable
from typing import Final

from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.rest_api import Key, Limit

_DAY_SECONDS: Final = 86_400


class UsagePlans:
    """Finds keys and counts their requests. `now` returns seconds since 1970."""

    def __init__(self, keys: tuple[Key, ...], *, now: Callable[[], float] = time.time) -> None:
        self._counters = {key.value: (key, _Counter(key.limit, now)) for key in keys}

    def admit(self, value: str) -> Key:
        """Count a request and return its key; raise GatewayError for an unknown or an exhausted key."""
        if value not in self._counters:
            raise GatewayError("INVALID_API_KEY")
        key, counter = self._counters[value]
        counter.count()
        return key


class _Counter:
    def __init__(self, limit: Limit, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._tokens = float(limit.burst or 0)
        self._filled_at = now()
        self._day = -1
        self._today = 0

    def count(self) -> None:
        now = self._now()
        self._consume_token(now)
        self._consume_quota(now)

    def _consume_token(self, now: float) -> None:
        if self._limit.requests_per_second is None:
            return
        burst = float(self._limit.burst or self._limit.requests_per_second)
        refill = (now - self._filled_at) * self._limit.requests_per_second
        self._tokens, self._filled_at = min(burst, self._tokens + refill), now
        if self._tokens < 1:
            raise GatewayError("THROTTLED")
        self._tokens -= 1

    def _consume_quota(self, now: float) -> None:
        if self._limit.requests_per_day is None:
            return
        day = int(now // _DAY_SECONDS)
        if day != self._day:
            self._day, self._today = day, 0
        if self._today >= self._limit.requests_per_day:
            raise GatewayError("QUOTA_EXCEEDED")
        self._today += 1
