"""The checkpoints in the models folder, and the names that requests call them by."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

#: Digits of the SHA-256 digest that titles show.
_SHORT_HASH_DIGITS: Final = 10
_SUFFIX: Final = ".safetensors"


class Checkpoint:
    """One file. Its hash is known once it has been loaded, as in the Web UI: reading gigabytes takes its time."""

    def __init__(self, path: Path, *, name: str) -> None:
        self.path = path
        self.name = name
        self.sha256: str | None = None

    @property
    def model_name(self) -> str:
        """The name without its ending and folders."""
        return self.name.removesuffix(_SUFFIX).replace("/", "_")

    @property
    def short_hash(self) -> str | None:
        """The first digits of the hash."""
        return self.sha256 and self.sha256[:_SHORT_HASH_DIGITS]

    @property
    def title(self) -> str:
        """The name, with the hash once it is known."""
        return f"{self.name} [{self.short_hash}]" if self.sha256 else self.name

    def aliases(self) -> Iterator[str]:
        """Yield everything that the checkpoint may be called."""
        stem = self.name.removesuffix(_SUFFIX)
        yield from (self.title, self.model_name, self.name, stem)
        if self.sha256:
            yield from (str(self.short_hash), self.sha256, f"{stem} [{self.short_hash}]")

    def calculate_hash(self) -> None:
        """Read the file and learn its hash."""
        if self.sha256 is None:
            with self.path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def answer(self) -> dict[str, Any]:
        """Return the entry of `sd-models`."""
        return {
            "title": self.title,
            "model_name": self.model_name,
            "hash": self.short_hash,
            "sha256": self.sha256,
            "filename": str(self.path),
            "config": None,
        }


class Checkpoints:
    """The checkpoints under `folder`, as the last `refresh` found them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[tuple[Path, int, int], Checkpoint] = {}
        self.refresh()

    def __iter__(self) -> Iterator[Checkpoint]:
        return iter(list(self._found.values()))

    def refresh(self) -> None:
        """Look into the folder again; what is unchanged keeps its hash."""
        found = {}
        paths = (path for path in self._folder.rglob(f"*{_SUFFIX}") if not path.name.startswith("."))
        for path in sorted(paths, key=lambda path: str(path).lower()):
            status = path.stat()
            version = (path, status.st_mtime_ns, status.st_size)
            known = self._found.get(version)
            found[version] = known or Checkpoint(path, name=path.relative_to(self._folder).as_posix())
        self._found = found

    def find(self, alias: str | None) -> Checkpoint | None:
        """Return the checkpoint that is called so exactly."""
        return next((checkpoint for checkpoint in self if alias in set(checkpoint.aliases())), None)

    def select(self, alias: str | None) -> Checkpoint:
        """Return the checkpoint that is called so, or the first; raise `FileNotFoundError` if there is none."""
        chosen = self.find(alias) or next(iter(self), None)
        if chosen is None:
            raise FileNotFoundError(
                f"No checkpoints found. When searching for checkpoints, looked at:\n - directory {self._folder}"
                "Can't run without a checkpoint. Find and place a .ckpt or .safetensors file into any of those "
                "locations."
            )
        return chosen
