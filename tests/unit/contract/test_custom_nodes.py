"""Custom nodes, whose classes only the image knows: the edge accepts those that the runtime names."""

import pytest

from contract.pipeline.graph_check import check_graph
from contract.pipeline.node_list import core_nodes
from contract.pipeline.node_rules import NodeRules
from contract.routing import Limits

WORKFLOW = {
    "1": {"class_type": "UpscaleTiles", "inputs": {"size": 64}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["1", 3]}},
}


@pytest.mark.parametrize(
    ("allowed", "disallowed", "code"),
    [
        (("*",), (), "unknown_node"),
        (("*", "Upscale*"), (), None),
        (("*", "UpscaleTiles"), (), None),
        (("*", "Other*"), (), "unknown_node"),
        (("*", "Upscale*"), ("UpscaleT*",), "node_not_allowed"),
    ],
)
def test_a_class_that_only_the_image_knows_is_taken_if_it_is_named(
    allowed: tuple[str, ...], disallowed: tuple[str, ...], code: str | None
) -> None:
    rules = NodeRules(allowed_nodes=allowed, disallowed_nodes=disallowed)
    errors = check_graph(WORKFLOW, nodes=core_nodes(), limits=Limits(), rules=rules)
    assert [error.code for error in errors] == ([code] if code else [])
