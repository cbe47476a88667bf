"""Checkpoint that the SD Web UI has loaded: asked for, switched, and checked afterwards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from contract.routing import same_checkpoint
from runtime_image.process.engine import UnknownModel
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import (
    CheckpointNotLoaded,
    CheckpointSpoiled,
    OtherCheckpoint,
    OtherSampler,
    WebUiFailed,
)
from runtime_image.webui.names.kinds import CHECKPOINT
from runtime_image.webui.names.model_files import file_problem
from runtime_image.webui.names.validation import listed
from runtime_image.webui.request import OPTIONS_PATH

_LIST_PATH: Final = "/sdapi/v1/sd-models"

#: Seconds in which a checkpoint must be loaded; 7 GB from a cold network disk at 50 MB/s take 140.
SWITCH_TIMEOUT_SECONDS: Final = 600.0
#: Checkpoints that are tried in place of a spoiled one. Each may take minutes; a restart takes no longer than two.
MAX_REPLACEMENTS: Final = 2


@dataclass(frozen=True)
class Checkpoint:
    """One entry of the Web UI's list."""

    title: str
    model_name: str
    filename: str
    hashes: tuple[str, ...]

    @property
    def file(self) -> str:
        """File name without folders, whatever system the Web UI runs on."""
        return PureWindowsPath(self.filename).name

    def is_called(self, name: str) -> bool:
        """Return True if `name` is one of the forms in which users name a checkpoint."""
        forms = (self.title, self.model_name, self.file)
        return any(same_checkpoint(form, name) for form in forms) or name.lower() in self.hashes


class Checkpoints:
    """Remembers the loaded checkpoint, so that a runtime with one model asks once. Loads from one thread at a time.

    A load that fails spoils the loaded checkpoint: v1.10.1 answers 200 and shows the old options. It then makes other
    pictures with the old model, until it has loaded another one.
    """

    def __init__(self, *, client: WebUiClient) -> None:
        self._client = client
        #: The loaded checkpoint, by the name that the task gave it. The loop may forget it while a worker reads it.
        self._loaded: tuple[str, Checkpoint] | None = None
        self._is_spoiled = False

    def is_loaded(self, name: str | None) -> bool:
        """Return True if a task that needs this checkpoint (None: any) may start."""
        return not self._is_spoiled and (name is None or name == self.loaded_name)

    @property
    def loaded_name(self) -> str | None:
        """The checkpoint that is known to be loaded, as the task named it."""
        loaded = self._loaded
        return loaded[0] if loaded else None

    def forget(self) -> None:
        """Ask again next time: the Web UI may have been restarted, or changed by a call."""
        self._loaded = None

    def restarted(self) -> None:
        """Record that another process of the Web UI runs, which no load has spoiled."""
        self._loaded, self._is_spoiled = None, False

    def load(self, name: str | None) -> None:
        """Load a checkpoint into the Web UI; without a name, replace a spoiled one.

        Raises:
            UnknownModel: if the Web UI does not have it, even after it has read its folders again.
            CheckpointNotLoaded: if it has it and does not load it.
            CheckpointSpoiled: if, besides, only a restart makes the Web UI's pictures right again.
            WebUiFailed: if it does not answer as it should.
        """
        if self._is_spoiled:
            self.replace_spoiled()
        if name is None:
            return
        checkpoint = self._find(name) or self._find_after_refresh(name)
        if not self._is_current(checkpoint):
            self._loaded = None
            if problem := self._switch(checkpoint):
                self.replace_spoiled(broken=checkpoint)
                raise CheckpointNotLoaded(problem)
        self._loaded = (name, checkpoint)

    def confirm(self, name: str) -> None:
        """Raise CheckpointNotLoaded if a task's call set this checkpoint, and the Web UI did not load it."""
        checkpoint = self._find(name)
        if checkpoint is None or not self._is_current(checkpoint):
            self.replace_spoiled(broken=checkpoint)
            raise CheckpointNotLoaded(f"the Web UI did not load {name}")

    def replace_spoiled(self, *, broken: Checkpoint | None = None) -> None:
        """Load another checkpoint than the present one, because a load has failed or may have failed.

        Args:
            broken: The checkpoint that was not loaded, if it is known.

        Raises:
            CheckpointSpoiled: if no other checkpoint can be loaded.
        """
        self._loaded, self._is_spoiled = None, True
        others = [one for one in self._list() if one != broken and not self._is_current(one)]
        for other in [one for one in others if not file_problem(one.filename)][:MAX_REPLACEMENTS]:
            if not self._switch(other):
                self._is_spoiled = False
                return
        cause = f"the Web UI did not load {broken.title}" if broken else "a load of a checkpoint has failed"
        raise CheckpointSpoiled(f"{cause}, and no other checkpoint replaces the one before")

    def check_answer(self, name: str | None, answer: object) -> None:
        """Raise OtherCheckpoint if a generation says that another model made its pictures."""
        loaded = self._loaded
        if loaded is None or loaded[0] != name:
            return
        made_by = info_of(answer).get("sd_model_name")
        known = {PurePosixPath(loaded[1].file).stem, loaded[1].model_name}
        if made_by and made_by not in known:
            self.forget()
            raise OtherCheckpoint(f"the pictures were made by {made_by}, not by {name}")

    def _find_after_refresh(self, name: str) -> Checkpoint:
        self._client.ask("POST", "/sdapi/v1/refresh-checkpoints", b"{}", timeout_seconds=SWITCH_TIMEOUT_SECONDS)
        if found := self._find(name):
            return found
        known = listed(CHECKPOINT.read(self._client.ask("GET", _LIST_PATH)))
        raise UnknownModel(f"the Web UI has no checkpoint {name!r}; it has: {known}")

    def _find(self, name: str) -> Checkpoint | None:
        return next((checkpoint for checkpoint in self._list() if checkpoint.is_called(name)), None)

    def _list(self) -> list[Checkpoint]:
        entries = self._client.ask("GET", _LIST_PATH)
        if not isinstance(entries, list):
            raise WebUiFailed("the Web UI's list of checkpoints is not a list")
        return [_checkpoint(entry) for entry in entries if isinstance(entry, dict)]

    def _switch(self, checkpoint: Checkpoint) -> str | None:
        """Load a checkpoint; return the reason if it is not loaded."""
        body = json.dumps({"sd_model_checkpoint": checkpoint.title}).encode()
        answer = self._client.call("POST", OPTIONS_PATH, body, timeout_seconds=SWITCH_TIMEOUT_SECONDS)
        if answer.status >= 300:  # noqa: PLR2004 - HTTP's own classes
            return f"{checkpoint.title}: {refusal(answer).message}"
        # A broken file is answered 200, and the options show the old checkpoint.
        return None if self._is_current(checkpoint) else f"the Web UI did not load {checkpoint.title}"

    def _is_current(self, checkpoint: Checkpoint) -> bool:
        options = self._client.ask("GET", OPTIONS_PATH)
        current = options.get("sd_model_checkpoint") if isinstance(options, dict) else None
        # The title gets its hash once it has been computed, so the two may differ in that.
        return isinstance(current, str) and same_checkpoint(current, checkpoint.title)


def _checkpoint(entry: dict[str, Any]) -> Checkpoint:
    hashes = (entry.get("hash"), entry.get("sha256"))
    return Checkpoint(
        title=str(entry.get("title") or ""),
        model_name=str(entry.get("model_name") or ""),
        filename=str(entry.get("filename") or ""),
        hashes=tuple(hash_.lower() for hash_ in hashes if isinstance(hash_, str) and hash_),
    )


def info_of(answer: object) -> Mapping[str, Any]:
    """Return the info of a generation's answer, which names its model and sampler; empty if it cannot be read."""
    try:
        info = json.loads(answer.get("info") or "null") if isinstance(answer, dict) else None
    except (TypeError, ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def check_sampler(name: str | None, answer: object) -> None:
    """Raise OtherSampler if another sampler than `name` made a generation's pictures."""
    if name is None:
        return
    made_by = info_of(answer).get("sampler_name")
    if isinstance(made_by, str) and made_by and made_by != name:
        raise OtherSampler(f"the Web UI lists the sampler {name} but made the pictures with {made_by}")
