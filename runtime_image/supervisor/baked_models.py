"""Models that the image brings: linked into the models folder, which is a volume and empty at the container's start."""

import os
from pathlib import Path

from contract.settings import InvalidEnvironment


def link_baked_models(source: Path | None, folder: Path) -> int:
    """Link every file of `source` into `folder` unless something is there; return how many files `source` holds.

    Raises:
        InvalidEnvironment: if the folder cannot be written to.
    """
    if source is None:
        return 0
    files = [path for path in source.rglob("*") if path.is_file()]
    for file in files:
        link = folder / file.relative_to(source)
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(link):
                link.symlink_to(file)
        except OSError as error:
            raise InvalidEnvironment(f"MODELS_DIRECTORY: {link} cannot be made: {error.strerror}") from error
    return len(files)
