"""Checkpoints in the models folder, and the names by which requests call them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

#: Digits of the SHA-256 digest that titles show.
_SHORT_HASH_DIGITS: Final = 10
_SUFFIX: Final = ".safetensors"


class CheckpointFile:
    """One file. Loading it computes its hash, as in the Web UI, because reading gigabytes takes long."""

    def __init__(self, path: Path, *, name: str) -> None:
        self.path = path
        self.name = name
        self.sha256: str | None = None
        self._stem = name.removesuffix(_SUFFIX)
        self.model_name = self._stem.replace("/", "_")

    @property
    def short_hash(self) -> str | None:
        """The first digits of the hash."""
        return self.sha256 and self.sha256[:_SHORT_HASH_DIGITS]

    @property
    def title(self) -> str:
        """The file name, with the hash once it is known."""
        return f"{self.name} [{self.short_hash}]" if self.sha256 else self.name

    def aliases(self) -> set[str]:
        """Return every name that a request may use."""
        names = {self.title, self.model_name, self.name, self._stem}
        if self.sha256:
            names |= {str(self.short_hash), self.sha256, f"{self._stem} [{self.short_hash}]"}
        return names

    def calculate_hash(self) -> None:
        """Read the file and set its hash."""
        if self.sha256 is None:
            with self.path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def entry(self) -> dict[str, Any]:
        """Return the entry of `sd-models`."""
        return {
            "title": self.title,
            "model_name": self.model_name,
            "hash": self.short_hash,
            "sha256": self.sha256,
            "filename": str(self.path),
            "config": None,
        }


class CheckpointFolder:
    """The checkpoints under a folder, as the last `refresh` found them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[tuple[Path, int, int], CheckpointFile] = {}
        self.refresh()

    def __iter__(self) -> Iterator[CheckpointFile]:
        return iter(list(self._found.values()))

    def refresh(self) -> None:
        """Read the folder again; an unchanged file keeps its hash."""
        found = {}
        paths = (path for path in self._folder.rglob(f"*{_SUFFIX}") if not path.name.startswith(".") and path.is_file())
        for path in sorted(paths, key=lambda path: str(path).lower()):
            status = path.stat()
            version = (path, status.st_mtime_ns, status.st_size)
            known = self._found.get(version)
            found[version] = known or CheckpointFile(path, name=path.relative_to(self._folder).as_posix())
        self._found = found

    def find(self, alias: str | None) -> CheckpointFile | None:
        """Return the checkpoint with exactly this name."""
        return next((checkpoint for checkpoint in self if alias in checkpoint.aliases()), None)

    def select(self, alias: str | None) -> CheckpointFile:
        """Return the checkpoint with this name, or else the first; raise `FileNotFoundError` without any."""
        chosen = self.find(alias) or next(iter(self), None)
        if chosen is None:
            raise FileNotFoundError(
                f"No checkpoints found. When searching for checkpoints, looked at:\n - directory {self._folder}"
                "Can't run without a checkpoint. Find and place a .ckpt or .safetensors file into any of those "
                "locations."
            )
        return chosen
