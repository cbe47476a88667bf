"""Data of the package: lists that SD Web UI v1.10.1 answers, as they were recorded, and tables."""

import json
from importlib import resources
from typing import Any, Final


def read_data(name: str) -> dict[str, Any]:
    """Return the content of a file of `data/`."""
    text = resources.files("embedded_webui").joinpath(f"data/{name}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


#: Lists by the name of their route.
LISTS: Final = read_data("lists")
