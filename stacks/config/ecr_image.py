"""The address of a container image in ECR, taken apart."""

import re
from dataclasses import dataclass
from typing import Final, Self

_PATTERN: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)


@dataclass(frozen=True)
class EcrImage:
    """An image in a registry of ECR, by its tag, its digest or both."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, address: str) -> Self | None:
        """Return the image at an address; None for one that is not ECR's."""
        found = _PATTERN.fullmatch(address)
        return cls(**found.groupdict()) if found else None
