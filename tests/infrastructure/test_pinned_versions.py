"""Images that run besides the project's own code: each has a digest, or synthesis names it."""

import re
from pathlib import Path

import pytest

from stacks.pinned_versions import PINS, warn_of_tags

PROJECT = Path(__file__).parents[2]
#: Images whose registry could not be asked yet. `make pins` records it, and this list shrinks.
WITHOUT_DIGEST = {"FLUENT_BIT_IMAGE"}


def test_every_image_has_a_digest_or_is_known_to_lack_one() -> None:
    images = {name: value for name, value in PINS.items() if name.endswith("_IMAGE")}
    lacking = {name for name, value in images.items() if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", value)}
    assert lacking <= WITHOUT_DIGEST
    assert len(images) == 5


def test_no_stack_names_an_image_that_is_not_pinned() -> None:
    image = re.compile(r"(?:public\.ecr\.aws|docker\.io|ghcr\.io|quay\.io|registry\.k8s\.io)/[\w./-]+:")
    assert not [path for path in (PROJECT / "stacks").rglob("*.py") if image.search(path.read_text())]


def test_every_pin_of_the_stacks_says_where_it_comes_from() -> None:
    blocks = (PROJECT / "stacks" / "versions.env").read_text().split("\n\n")
    assert [block for block in blocks if not block.startswith("#")] == []


@pytest.mark.parametrize(("digest", "warnings"), [("", 1), (f"@sha256:{'0' * 64}", 0)])
def test_synthesis_warns_of_an_image_without_a_digest(tmp_path: Path, digest: str, warnings: int) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415  # starts Node, so only when it is needed

    stack = Stack(App(outdir=str(tmp_path)), "Stack")
    warn_of_tags(stack, {"ANY_IMAGE": f"example.org/any:1{digest}", "KEDA_VERSION": "1"})
    found = [entry.data for entry in stack.node.metadata if entry.type == "aws:cdk:warning"]
    assert len(found) == warnings
    assert all("ANY_IMAGE" in text and "`make pins`" in text for text in found)
