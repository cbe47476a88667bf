"""Reader of environment files. It reports each mistake with the path of its key and the value to write instead."""

import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel, ValidationError

from contract.model_errors import what_to_write
from contract.suggestions import nearest
from stacks.config import Environment

ENVIRONMENTS_DIRECTORY: Final = Path(__file__).parent.parent / "environments"

Location = tuple[int | str, ...]


class InvalidEnvironmentFile(ValueError):
    """Raised when an environment file is invalid; the message has one line for each mistake."""

    def __init__(self, file: Path, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = tuple(problems)


def environment_path(name_or_path: str) -> Path:
    """Return the file of an environment's name (`dev` is environments/dev.yaml) or the path itself (`./mine.yaml`)."""
    path = Path(name_or_path)
    return path if path.suffix in {".yaml", ".yml"} else ENVIRONMENTS_DIRECTORY / f"{name_or_path}.yaml"


def load_environment(name_or_path: str) -> Environment:
    """Return the environment of a name or of a file."""
    path = environment_path(name_or_path)
    environment = read_environment_file(path)
    if environment.name != name_or_path and path != Path(name_or_path):
        # A copied file with the old name would overwrite the environment that it was copied from.
        problem = f"name: is {environment.name!r} in the file of {name_or_path!r}; write name: {name_or_path}"
        raise InvalidEnvironmentFile(path, [problem])
    return environment


def read_environment_file(path: Path) -> Environment:
    """Return the environment in the file at `path`; raise InvalidEnvironmentFile with every mistake at once."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506  # a SafeLoader
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in ENVIRONMENTS_DIRECTORY.glob("*.yaml")))
        raise InvalidEnvironmentFile(
            path, [f"this file does not exist; existing environments: {known or 'none'}"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEnvironmentFile(path, [f"cannot be read: {error}"]) from None
    except _DuplicateKey as error:
        raise InvalidEnvironmentFile(path, [str(error)]) from None
    except yaml.YAMLError as error:
        advice = "; indent with spaces, not tabs" if "'\\t'" in str(error) else ""
        raise InvalidEnvironmentFile(path, [f"is not YAML: {' '.join(str(error).split())}{advice}"]) from None
    if not isinstance(document, dict):
        raise InvalidEnvironmentFile(path, ["must contain keys and values, for example name: dev"])
    return check_environment(document, path)


def check_environment(document: dict[str, Any], path: Path) -> Environment:
    """Return the environment of a file's content; raise InvalidEnvironmentFile with every mistake at once."""
    try:
        return Environment.model_validate(document)
    except ValidationError as error:
        raise InvalidEnvironmentFile(path, _problems(error)) from None


class _DuplicateKey(ValueError):
    """Raised when a mapping contains a key twice."""


class _StrictLoader(yaml.SafeLoader):
    """Loader that refuses duplicate keys, of which YAML would silently use the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # signature of PyYAML's
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise _DuplicateKey(f"Duplicate key `{key}` in line {line}; remove one of the two")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _problems(error: ValidationError) -> list[str]:
    mistakes = error.errors()
    # Pydantic also reports a list as empty if all its entries are invalid, which would mislead.
    broken = {mistake["loc"][:-depth] for mistake in mistakes for depth in range(1, len(mistake["loc"]))}
    return [_problem(mistake) for mistake in mistakes if mistake["type"] != "too_short" or mistake["loc"] not in broken]


def _problem(mistake: Any) -> str:
    location: Location = mistake["loc"]
    if mistake["type"] == "invalid_key":
        # YAML reads a key such as `1` as a number, which would look like the place in a list.
        location = (*location[:-1], str(location[-1]))
        mistake = {**mistake, "type": "extra_forbidden", "loc": location}
    return f"{_path(location)}: {_what_to_write(mistake)}" if location else _what_to_write(mistake)


def _path(location: Location) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).lstrip(".")


def _what_to_write(mistake: Any) -> str:
    location: Location = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        return _unknown_key(str(location[-1]), _model_at(location[:-1]))
    shown = _shown(mistake)
    message = what_to_write(mistake, shown=shown)
    if mistake["type"] == "value_error" or not (described := _described(location)):
        return message
    if mistake["type"] == "string_pattern_mismatch":
        return f"is {shown}; write {described} (pattern {mistake['ctx']['pattern']})"
    return f"{message} ({described})"


def _shown(mistake: Any) -> str:
    text = json.dumps(mistake["input"], default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004  # enough to recognize it, one line of a terminal


def _unknown_key(key: str, model: type[BaseModel] | None) -> str:
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    close = [name for name in known if name.startswith(key)] or list(filter(None, [nearest(key, known)]))
    advice = f"did you mean {' or '.join(close)}?" if close else f"write one of {', '.join(known)}"
    return f"unknown key; {advice}"


def _described(location: Location) -> str:
    while isinstance(location[-1], int):
        location = location[:-1]
    model = _model_at(location[:-1])
    if model is None:
        return ""
    for name, field in model.model_fields.items():
        if location[-1] in {name, field.alias} and field.description:
            return field.description
    return ""


def _model_at(location: Location) -> type[BaseModel] | None:
    """Return the model with the keys at `location`."""
    model: type[BaseModel] | None = Environment
    for part in location:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        annotation = next(
            (field.annotation for name, field in model.model_fields.items() if part in {name, field.alias}), None
        )
        model = _model_in(annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)
