"""Overrides of the Web UI's options, which must not reach the next task.

The Web UI restores an overridden option after the request only if that option was set explicitly before. So each option
is pinned, to its present value, before its first override; then the Web UI restores it inside its own lock. The agent
itself restores options that are read after the lock, or that cannot be pinned, while no other request runs. It keeps
their values in a file, because the Web UI outlives an agent that is killed.
"""

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from runtime_image.process.status_file import read_status_file, write_status_file
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.request import OPTIONS_PATH

#: Options that pictures are encoded by, which happens after the lock is released: by then the Web UI has set them
#: back, or has set those of the next request.
READ_AFTER_THE_LOCK: Final = frozenset({"samples_format", "jpeg_quality", "webp_lossless"})
#: Seconds to set options in; a VAE may have to be loaded from a slow disk.
SET_TIMEOUT_SECONDS: Final = 120.0
#: Setting it loads another checkpoint, which `checkpoints` handles.
CHECKPOINT_OPTION: Final = "sd_model_checkpoint"
#: Belongs to the loaded checkpoint; the Web UI writes it by itself.
_CHECKPOINT_HASH: Final = "sd_checkpoint_hash"


class OptionOverrides:
    """Used from workers' threads; what changes the options does so while nothing else is at the Web UI.

    `pending_file` keeps pending restores for the next agent; without it they end with the process.
    """

    def __init__(self, *, client: WebUiClient, pending_file: Path | None = None) -> None:
        self._client = client
        self._pending_file = pending_file
        self._shown: dict[str, Any] | None = None
        self._explicit: frozenset[str] = frozenset()
        #: The options that a request leaves changed, as they were before it; None if there is nothing to restore.
        self._pending = read_status_file(pending_file, dict[str, Any])
        self._restoring = threading.Lock()

    def forget(self) -> None:
        """Drop everything remembered, because the Web UI may have been restarted; pending restores stay."""
        self._shown, self._explicit = None, frozenset()

    def shown(self) -> Mapping[str, Any]:
        """Return the options as they were at some time in this life of the Web UI; raises WebUiFailed."""
        if self._shown is None:
            self._shown = self._ask()
        return self._shown

    def are_pinned(self, keys: Iterable[str]) -> bool:
        """Return True if the Web UI restores all of these by itself."""
        return self._explicit.issuperset(keys)

    def pin(self, keys: frozenset[str]) -> None:
        """Set options explicitly to what they are."""
        now = self._shown = self._ask()
        new = {key: now.get(key) for key in keys - self._explicit}
        if unset := [key for key, value in new.items() if value is None]:
            # An option that is not set cannot be set to that; the request was checked against another life's options.
            raise WebUiFailed(f"the Web UI's options have changed: {', '.join(sorted(unset))}")
        self._set(new)
        self._explicit |= keys

    def override(self, keys: Collection[str]) -> None:
        """Record the options that a request will leave changed.

        Only these: a restarted Web UI may rightly have other values of the rest.
        """
        now = self._ask()
        now.pop(_CHECKPOINT_HASH, None)
        self._record({key: value for key, value in now.items() if key in keys})

    def checkpoint_was_loaded(self) -> None:
        """Drop the pending restore of a checkpoint: an older one must not replace the one for this task."""
        with self._restoring:
            if self._pending and CHECKPOINT_OPTION in self._pending:
                self._record({key: value for key, value in self._pending.items() if key != CHECKPOINT_OPTION})

    def restore(self) -> None:
        """Restore overridden options; without any, no call is made."""
        if self._pending is None:
            return
        with self._restoring:
            if self._pending is not None:
                now = self._ask()
                self._set({key: value for key, value in self._pending.items() if now.get(key) != value})
                self._record(None)

    def _record(self, pending: dict[str, Any] | None) -> None:
        self._pending = pending
        if self._pending_file is None:
            return
        # The file only matters to the next agent; a full disk must not fail this one's task.
        with suppress(OSError):
            if pending is None:
                self._pending_file.unlink(missing_ok=True)
            else:
                write_status_file(self._pending_file, pending)

    def _ask(self) -> dict[str, Any]:
        options = self._client.ask("GET", OPTIONS_PATH)
        if not isinstance(options, dict):
            raise WebUiFailed("the Web UI's options are not an object")
        return options

    def _set(self, values: Mapping[str, Any]) -> None:
        if values:
            body = json.dumps({key: _as_set(value) for key, value in values.items()}).encode()
            self._client.ask("POST", OPTIONS_PATH, body, timeout_seconds=SET_TIMEOUT_SECONDS)


def _as_set(value: object) -> object:
    # All numbers are shown as fractions; the Web UI counts layers by some of them, which 1.0 cannot do.
    return int(value) if isinstance(value, float) and value.is_integer() else value
