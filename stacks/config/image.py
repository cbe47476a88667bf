"""Image of a runtime's containers: one of a registry, or what the built one has in addition."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import Field

from contract.routing import CamelModel
from stacks.config.validation import matches

#: Image of a registry with a tag other than `latest` or a digest.
_IMAGE: Final = re.compile(
    r"[a-z0-9][\w.:-]*(/[a-z0-9._-]+)+(:(?!latest$)[\w.-]{1,128}|@sha256:[0-9a-f]{64})", re.ASCII
)

#: Image of ECR.
_ECR_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)
#: Address of a git repository. The commit is written in full, because a branch or tag can move.
_REPOSITORY: Final = re.compile(r"https://[a-z0-9.-]+(/[\w.-]+)+", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
ImageAddress = Annotated[
    str,
    matches(
        _IMAGE,
        "an image with a tag other than latest or with a digest, such as"
        " 123456789012.dkr.ecr.eu-central-1.amazonaws.com/darkroom:1.4.0",
    ),
]


@dataclass(frozen=True)
class EcrImage:
    """Image in a registry of ECR, by its tag, its digest or both."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, address: str) -> Self | None:
        """Return the image at an address; None for a registry other than ECR."""
        found = _ECR_IMAGE.fullmatch(address)
        return cls(**found.groupdict()) if found else None


class CustomNode(CamelModel):
    """Repository of nodes for ComfyUI. Its code runs in the engine's container, which has no keys."""

    repository: Annotated[
        str, matches(_REPOSITORY, "an https address of a git repository, such as https://github.com/owner/nodes.git")
    ] = Field(description="git repository, fetched when the image is built")
    commit: Annotated[str, matches(_COMMIT, "a commit of 40 hexadecimal digits, because a branch or tag can move")] = (
        Field(description="commit of 40 hexadecimal digits")
    )
