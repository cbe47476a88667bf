"""Writes docs/reference/configuration.md from the classes that read it: environment file and settings of each process.
The JSON Schema of the environment file, by which editors help and check, is written along with it.

`python docs/generate_configuration.py` writes the files, `--check` fails if they are not current.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PROJECT: Final = Path(__file__).parents[1]
PAGE: Final = PROJECT / "docs" / "reference" / "configuration.md"
SCHEMA: Final = PROJECT / "environments" / "schema.json"
sys.path.insert(0, str(PROJECT))

from contract.settings import Settings  # noqa: E402 - the project is importable only now
from runtime_image.agent.settings import AgentSettings  # noqa: E402 - see above
from runtime_image.model_downloader.settings import ModelSettings  # noqa: E402 - see above
from runtime_image.supervisor.settings import SupervisorSettings  # noqa: E402 - see above
from stacks.config import Environment  # noqa: E402 - see above

INTRODUCTION: Final = """# Configuration

<!-- Written by docs/generate_configuration.py from the classes that read it; `make test` checks that it is current. -->

An environment is one file, `environments/{name}.yaml`. Unknown keys, wrong types and contradictions are refused at
synthesis with the path of the key and what to write instead. `environments/example.yaml` shows every key. Editors with
YAML support check a file and complete its keys by `environments/schema.json`, which the files' first line names.

```yaml
name: dev
removalPolicy: destroy
runtimes:
  - name: sdruntime
    modelFilename: v1-5-pruned-emaonly.safetensors
  - name: dynamic
    dynamicModel: true
```
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, "## The environment file\n", *environment_tables(Environment, "")]
    parts.append(
        "## The agent\n\n`python -m runtime_image.agent` reads these variables, and AWS's own (`AWS_REGION`,"
        " `AWS_ENDPOINT_URL`, credentials). A variable that is empty counts as unset.\n"
    )
    parts.append(settings_table(AgentSettings))
    parts.append(
        "## The supervisor\n\n`python -m runtime_image.supervisor` is the entry of a runtime's container; see"
        " [operations.md](../how-to/operations.md#the-container). It passes all its variables on to the Web UI, the"
        " model downloader and the agent.\n"
    )
    parts.append(settings_table(SupervisorSettings))
    parts.append(
        "## The model downloader\n\n`python -m runtime_image.model_downloader` reads these variables, and AWS's own"
        " (`AWS_REGION`, `AWS_ENDPOINT_URL`,\ncredentials).\n"
    )
    parts.append(settings_table(ModelSettings))
    parts.append(
        "## The functions\n\nSet by the stacks; with Powertools' own variables (`POWERTOOLS_SERVICE_NAME`,"
        " `POWERTOOLS_METRICS_NAMESPACE`, `POWERTOOLS_LOG_LEVEL`, `POWERTOOLS_TRACE_DISABLED`).\n"
    )
    parts.append(functions_table())
    return "\n".join(parts)


def environment_tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the table of a model's keys, then those of the models inside it."""
    rows, inner = [], []
    for name, field in model.model_fields.items():
        key = field.alias or name
        nested = nested_model(field.annotation)
        rows.append(f"| `{path}{key}` | {default_of(field)} | {sentence(field, nested)} |")
        if nested:
            brackets = "[]" if is_sequence(field.annotation) else ""
            inner.append((nested, f"{path}{key}{brackets}."))
    yield "\n".join(["| key | default | meaning |", "|---|---|---|", *rows, ""])
    for nested_class, nested_path in inner:
        yield f"### `{nested_path.rstrip('.')}`\n\n{paragraph(nested_class)}\n"
        yield from environment_tables(nested_class, nested_path)


def settings_table(settings: type[Settings]) -> str:
    """Return the table of a process's variables."""
    rows = [
        f"| `{name.upper()}` | {default_of(field)} | {sentence(field, None)} |"
        for name, field in settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows, ""])


def functions_table() -> str:
    """Return the variables of every function."""
    rows = []
    for path in sorted(PROJECT.glob("lambdas/*/settings.py")):
        module = importlib.import_module(f"lambdas.{path.parent.name}.settings")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__
        ]
        variables = sorted(variable for settings in classes for variable in settings.variables())
        rows.append(f"| `{path.parent.name}` | {', '.join(f'`{variable}`' for variable in variables)} |")
    return "\n".join(["| function | variables |", "|---|---|", *rows, ""])


def nested_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := nested_model(argument))), None)


def is_sequence(annotation: Any) -> bool:
    """Tell whether an annotation is a list of things, optional or not."""
    if get_origin(annotation) in {tuple, list}:
        return True
    return get_origin(annotation) is Union and any(
        is_sequence(part) for part in get_args(annotation) if part is not NoneType
    )


def default_of(field: FieldInfo) -> str:
    """Return a field's default as a user would write it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return ""
    if isinstance(default, BaseModel):
        # The tables of its keys say the rest.
        return f"`{json.dumps(required)}`" if (required := default.model_dump(exclude_defaults=True)) else ""
    if isinstance(default, tuple):
        values = [item.model_dump(exclude_defaults=True) if isinstance(item, BaseModel) else item for item in default]
        return f"`{json.dumps(values)}`"
    return f"`{json.dumps(default, default=str)}`"


def sentence(field: FieldInfo, nested: type[BaseModel] | None) -> str:
    """Return what a key means, for one cell of a table."""
    text = field.description or (paragraph(nested) if nested else "")
    return (text[:1].upper() + text[1:]).rstrip(".")


def paragraph(model: type[BaseModel]) -> str:
    """Return the first paragraph of a class's docstring."""
    return " ".join((model.__doc__ or "").partition("\n\n")[0].split())


def schema() -> str:
    """Return the JSON Schema of an environment file."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Environment.model_json_schema(),
        "title": "An environment of Darkroom",
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write or check the files; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    options = parser.parse_args()
    texts = {PAGE: page(), SCHEMA: schema()}
    if not options.check:
        for path, text in texts.items():
            path.write_text(text)
        return 0
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        sys.stderr.write(f"{path.relative_to(PROJECT)} is not current; run: python docs/generate_configuration.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
