"""Lists that SD Web UI v1.10.1 answers, as they were recorded, by the name of their route."""

import json
from importlib import resources
from typing import Any, Final

LISTS: Final[dict[str, Any]] = json.loads(
    resources.files("embedded_webui").joinpath("data/lists.json").read_text(encoding="utf-8")
)
