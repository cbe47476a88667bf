"""Writes the tiny checkpoints of the local system: `python -m local.replicas.checkpoint_writer FILE...`."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from embedded_webui.tiny_checkpoint import write_tiny_checkpoint


def write_all(paths: Iterable[Path]) -> None:
    """Write a checkpoint to each path. Its name alone decides its weights, so another name is another model."""
    for path in paths:
        seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4])
        write_tiny_checkpoint(path, seed=seed)


if __name__ == "__main__":
    write_all(map(Path, sys.argv[1:]))
