"""Clients that generators make from the description of the API: without a warning, and with the promised types."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
DESCRIPTION: Final = PROJECT / "docs" / "reference" / "openapi.json"
PROGRAMS: Final = Path(sys.executable).parent
NODE_MODULES: Final = PROJECT / "node_modules"
#: Program of an application: it reads a task, its times and its outputs, and none of them is `unknown`.
TYPESCRIPT: Final = """
import type { components, paths } from "./api";
type Task = paths["/v1alpha2/tasks/{id}"]["get"]["responses"][200]["content"]["application/json"];
type Status = components["schemas"]["Status"];
export function links(task: Task): string[] {
  const status: Status = task.status;
  const steps: number | undefined = task.sampling?.sampling_step;
  return status === "COMPLETED" && steps === undefined ? task.outputs.map((output) => output.url) : [];
}
// @ts-expect-error: there is no such status
export const wrong: Status = "DONE";
"""


def run(*command: str | Path, folder: Path) -> str:
    """Run a program and return its output; it must succeed."""
    environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HOME": str(folder)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_a_python_client_is_generated_without_a_warning(tmp_path: Path) -> None:
    generate: list[str | Path] = [PROGRAMS / "openapi-python-client"]
    generate += ["generate", "--fail-on-warning", "--meta", "none"]
    printed = run(*generate, "--path", DESCRIPTION, "--output-path", "client", folder=tmp_path)
    assert "warning" not in printed.lower()
    task = (tmp_path / "client" / "models" / "shown_task.py").read_text()
    assert "submitted_at: datetime.datetime" in task
    assert "status: Status" in task


@pytest.mark.slow
def test_a_typescript_client_is_generated_without_a_warning(tmp_path: Path) -> None:
    printed = run(NODE_MODULES / ".bin" / "openapi-typescript", DESCRIPTION, "--output", "api.d.ts", folder=tmp_path)
    assert "warning" not in printed.lower()
    (tmp_path / "application.ts").write_text(TYPESCRIPT)
    run(NODE_MODULES / ".bin" / "tsc", "--noEmit", "--strict", "application.ts", folder=tmp_path)


def schemas(node: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object of the description with its place."""
    if isinstance(node, dict):
        yield place, node
        for name, value in node.items():
            yield from schemas(value, f"{place}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from schemas(value, f"{place}/{number}")


def test_every_choice_has_a_type_and_every_array_its_items() -> None:
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    for place, schema in schemas(description, ""):
        assert "enum" not in schema or "type" in schema, place
        assert schema.get("type") != "array" or "items" in schema, place
        is_open = schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys()
        assert not is_open, f"{place} does not say what the object holds"
    times = description["components"]["schemas"]["ShownTask"]["properties"]
    assert times["submitted_at"]["format"] == "date-time"
