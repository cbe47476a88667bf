"""Catalog of the Web UI's names, by kind: each list is asked for once in its life, and again when a name is missing."""

import threading
from collections import Counter
from pathlib import Path

from runtime_image.webui.client import WebUiClient
from runtime_image.webui.names.kinds import API_PREFIX, Kind, Names


class NameCatalog:
    """Read from workers' threads; most tasks are checked without any call.

    Args:
        client: The Web UI.
        models_folder: Its models folder, if the agent fills it; otherwise the Web UI's lists decide alone.
    """

    def __init__(self, *, client: WebUiClient, models_folder: Path | None) -> None:
        self._client = client
        self._models_folder = models_folder
        #: Each life of the Web UI has another dictionary, so that an answer of an earlier one is not kept for the next.
        self._known: dict[Kind, Names] = {}
        self._refreshing = threading.Lock()
        #: By kind: how many looks at its folders the Web UI was asked for, and which of them the known names are from.
        self._looks_begun: Counter[Kind] = Counter()
        self._look_known: Counter[Kind] = Counter()

    def forget(self) -> None:
        """Ask again next time: the Web UI may have been started anew."""
        self._known = {}

    def of(self, kind: Kind) -> Names:
        """Return the names of a kind; raises WebUiFailed, also if the Web UI does not have one of its lists."""
        return self._with_files(kind, self.listed(kind))

    def listed(self, kind: Kind) -> Names:
        """Return the names of a kind that the Web UI lists, whatever is in the models folder; raises WebUiFailed."""
        known = self._known
        if kind not in known:
            known[kind] = self._ask(kind)
        return known[kind]

    def of_now(self, kind: Kind, *, timeout_seconds: float) -> Names:
        """Return the names once the Web UI has looked at its folders again, for everybody who asked before it began.

        Args:
            kind: Of which something was missing.
            timeout_seconds: For looking again: that waits for the generation that runs.
        """
        begun_before = self._looks_begun[kind]
        with self._refreshing:
            known = self._known
            # A look that was under way when this call was made may have missed a file that has just come.
            if kind in known and self._look_known[kind] > begun_before:
                return self._with_files(kind, known[kind])
            self._looks_begun[kind] += 1
            if kind.refresh:
                self._client.ask("POST", API_PREFIX + kind.refresh, b"{}", timeout_seconds=timeout_seconds)
            known[kind] = self._ask(kind)
            self._look_known[kind] = self._looks_begun[kind]
            return self._with_files(kind, known[kind])

    def _with_files(self, kind: Kind, names: Names) -> Names:
        return kind.with_files(names, self._models_folder) if self._models_folder else names

    def _ask(self, kind: Kind) -> Names:
        return kind.read(*(self._client.ask("GET", API_PREFIX + name) for name in kind.lists))
