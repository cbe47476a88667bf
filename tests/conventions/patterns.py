"""Collector of the project's regular expressions, and generator of texts that make a bad one slow."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

#: Functions of `re` whose first argument is a pattern.
FUNCTIONS: Final = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
#: Repetitions up to this number cannot make a text slow.
FEW: Final = 100
#: Characters of every class. The first that a set contains represents the set.
_PROBES: Final = "a0 _-.:/A\n\t\x00<>\"'\\[](){}=,;é"


@dataclass(frozen=True)
class Source:
    """One pattern, and its place in the project."""

    file: str
    line: int
    pattern: str | bytes
    flags: int
    #: Methods of the compiled pattern that the file calls.
    methods: frozenset[str]


@dataclass
class Collection:
    """Patterns of a set of files. `unknown` holds the places of patterns that exist only when the program runs."""

    sources: list[Source] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def collect(files: Iterable[Path], root: Path) -> Collection:
    """Return every pattern that the files give to a function of `re`."""
    found = Collection()
    for path in files:
        text = path.read_text()
        if "\nimport re\n" not in text:
            continue
        tree = ast.parse(text)
        name = str(path.relative_to(root))
        constants = _constants(tree)
        names = {node.value: node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)}
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=function), args=[first, *rest]) if (
                    function in FUNCTIONS
                ):
                    try:
                        pattern = _evaluate(first, constants)
                        flags = _flags(node, rest if function == "compile" else [])
                    except (NameError, AttributeError, TypeError):
                        found.unknown.append(f"{name}: {ast.unparse(first)}")
                        continue
                    methods = _methods(tree, names.get(node)) if function == "compile" else {function}
                    found.sources.append(Source(name, node.lineno, pattern, flags, frozenset(methods)))
    return found


def _methods(tree: ast.Module, target: ast.expr | None) -> set[str]:
    """Return the methods by which a file uses its compiled pattern; every kind if it does not show them."""
    if not isinstance(target, ast.Name):
        return {"findall", "fullmatch"}
    methods = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name == target.id and method in FUNCTIONS:
                methods.add(method)
            case ast.Call(func=ast.Name(id="matches"), args=[ast.Name(id=name), *_]) if name == target.id:
                # The validator of the environment file.
                methods.add("fullmatch")
    return methods or {"findall", "fullmatch"}


def _constants(tree: ast.Module) -> dict[str, Any]:
    constants: dict[str, Any] = {"re": re}
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                continue
        try:
            constants[name] = _evaluate(value, constants)
        except Exception:  # noqa: BLE001, S112 - what is no constant cannot be part of a constant pattern
            continue
    return constants


def _evaluate(node: ast.expr, constants: dict[str, Any]) -> Any:
    # Only names of the file's own constants are known, and no builtin.
    return eval(compile(ast.Expression(node), "pattern", "eval"), {"__builtins__": {}}, constants)  # noqa: S307


def _flags(call: ast.Call, positional: list[ast.expr]) -> int:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    return int(sum(int(_evaluate(node, {"re": re})) for node in [*positional, *named]))


def hostile_texts(pattern: str | bytes, flags: int) -> Iterator[Callable[[int], str]]:
    """Yield functions that return a hostile text of about the given length.

    Each repeats what one part of the pattern repeats, after what may come before it, and ends in a mismatch.
    """
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    parsed = _parser.parse(text, flags)
    beginnings = dict.fromkeys(["", *_beginnings(list(parsed), "")])
    characters = dict.fromkeys("".join(beginnings) + _PROBES[:3])
    units = dict.fromkeys([*beginnings, *characters])
    starts = dict.fromkeys(["", *(start[:-1] for start in beginnings if start)])
    for unit in filter(None, units):
        for start in starts:
            for end in ("", "\x00", "!\n"):
                yield partial(_text, unit, start, end)


def _text(unit: str, start: str, end: str, length: int) -> str:
    return start + unit * (length // len(unit) + 1) + end


def _beginnings(parts: list[Any], before: str) -> Iterator[str]:
    """Yield a text that leads into each part that repeats, with one round of it."""
    for kind, value in parts:
        inner = _inner(kind, value)
        for branch in inner:
            yield from _beginnings(branch, before)
        if kind in _REPEATS and value[1] > FEW:
            yield before + _sample([(kind, value)])
        before += _sample([(kind, value)])
    yield before


_REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def _inner(kind: Any, value: Any) -> list[list[Any]]:
    if kind in _REPEATS:
        return [list(value[2])]
    if kind is sre.SUBPATTERN:
        return [list(value[3])]
    if kind is sre.ATOMIC_GROUP:
        return [list(value)]
    if kind is sre.BRANCH:
        return [list(branch) for branch in value[1]]
    return []


def _sample(parts: list[Any]) -> str:
    """Return a text that the parts match, with at least one round of each repetition."""
    result = ""
    for kind, value in parts:
        if kind is sre.LITERAL:
            result += chr(value)
        elif kind in {sre.NOT_LITERAL, sre.IN, sre.ANY}:
            result += _member(kind, value)
        elif kind in _REPEATS:
            result += _sample(list(value[2])) * max(1, value[0])
        elif inner := _inner(kind, value):
            result += _sample(inner[0])
    return result


def _member(kind: Any, value: Any) -> str:
    for character in _PROBES:
        code = ord(character)
        if kind is sre.ANY or (kind is sre.NOT_LITERAL and code != value):
            return character
        if kind is sre.IN and _contains(value, character):
            return character
    return chr(value[0][1]) if kind is sre.IN and value[0][0] is sre.LITERAL else chr(value[0][1][0])


_CATEGORIES: Final[dict[Any, Callable[[str], bool]]] = {
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_WORD: lambda text: text.isalnum() or text == "_",
}
_OPPOSITES: Final = {
    sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
    sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT,
    sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
}


def _contains(entries: list[Any], character: str) -> bool:
    code, negated, found = ord(character), False, False
    for kind, value in entries:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            found = found or code == value
        elif kind is sre.RANGE:
            found = found or value[0] <= code <= value[1]
        elif kind is sre.CATEGORY:
            positive = _OPPOSITES.get(value, value)
            found = found or _CATEGORIES[positive](character) == (positive is value)
    return found != negated
