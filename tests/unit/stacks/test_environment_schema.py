"""The schema that editors read, and the file that shows every key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from stacks.config import Environment
from stacks.environment_file import ENVIRONMENTS_DIRECTORY

FILES = sorted(ENVIRONMENTS_DIRECTORY.glob("*.yaml"))
#: Keys that an environment cannot have together with others of the example: of an existing network, of ECS, and those
#: of keys that share all tasks.
ALTERNATIVES = {"network.vpcId", "network.subnetIds", "runtimes.secrets", "isolateKeys"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads((ENVIRONMENTS_DIRECTORY / "schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_schema_takes_every_environment(file: Path, validator: Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_environment_names_the_schema(file: Path) -> None:
    assert file.read_text().splitlines()[0] == "# yaml-language-server: $schema=schema.json"


@pytest.mark.parametrize(
    "mistake",
    [
        {"nmae": "dev"},
        {"engine": "fargate"},
        {"runtimes": []},
        {"runtimes": [{"name": "a", "scaling": {"maxReplicas": "many"}}]},
        {"runtimes": [{"name": "a", "capacity": {"spot": {"weight": 1}}}]},
        {"network": {"zones": ["here"]}},
    ],
)
def test_the_schema_refuses_what_an_editor_can_know(mistake: dict[str, Any], validator: Draft202012Validator) -> None:
    good = {"name": "dev", "runtimes": [{"name": "a", "dynamicModel": True}]}
    assert validator.is_valid(good)
    assert not validator.is_valid(good | mistake)


def test_the_example_shows_every_key() -> None:
    document = yaml.safe_load((ENVIRONMENTS_DIRECTORY / "example.yaml").read_text())
    assert set(keys_of(Environment)) - set(keys_in(document)) == ALTERNATIVES


def test_the_example_shows_values_other_than_the_defaults() -> None:
    example = yaml.safe_load((ENVIRONMENTS_DIRECTORY / "example.yaml").read_text())
    shown = Environment.model_validate(example).model_dump(by_alias=True, exclude_defaults=True)
    same = {key for key in set(keys_in(example)) - set(keys_in(shown)) if not key.startswith("runtimes")}
    assert same == set()


def keys_of(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = f"{path}{field.alias or name}"
        yield key
        if nested := model_in(field.annotation):
            yield from keys_of(nested, f"{key}.")


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := model_in(argument))), None)


def keys_in(document: Any, path: str = "") -> Iterator[str]:
    match document:
        case dict():
            for key, value in document.items():
                yield f"{path}{key}"
                yield from keys_in(value, f"{path}{key}.")
        case list() | tuple():
            for item in document:
                yield from keys_in(item, path)
