"""Validation of names: a task with a name that the Web UI does not know fails before a wrong picture is made."""

import difflib
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from contract.errors import FieldError, InvalidTask
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.kinds import Kind, Names
from runtime_image.webui.names.model_files import file_problem
from runtime_image.webui.names.referenced import Named

#: Names that an error lists, and the characters of the list: there may be thousands of LoRA.
MAX_NAMES_LISTED: Final = 50
MAX_LIST_LENGTH: Final = 2000
#: Unknown names that one error lists.
MAX_PROBLEMS: Final = 10
#: Characters of an unknown name that are repeated, and compared with the known ones.
MAX_NAME_LENGTH: Final = 100


def check_names(named: Iterable[Named], known: NameCatalog, *, timeout_seconds: float) -> dict[str, str]:
    """Return the listed name of what each field names.

    Raises:
        InvalidTask: with the names that are unknown, after the Web UI has looked at its folders again, and with those
            whose files are broken.
        WebUiFailed: if the Web UI does not answer as it should.
    """
    by_kind: dict[Kind, list[Named]] = defaultdict(list)
    for name in named:
        by_kind[name.kind].append(name)
    found: dict[str, str] = {}
    problems: list[FieldError] = []
    for kind, asked in by_kind.items():
        names = known.of(kind)
        if not all(names.find(kind.forms(one.name)) for one in asked):
            names = known.of_now(kind, timeout_seconds=timeout_seconds)
        for one in asked:
            if listed := names.find(kind.forms(one.name)):
                found[one.field] = listed
                if broken := file_problem(names.paths.get(listed, "")):
                    problems.append(_broken(one, listed, broken))
            elif len(problems) < MAX_PROBLEMS:
                problems.append(_problem(one, names))
    if problems:
        raise InvalidTask(problems)
    return found


def _broken(one: Named, name: str, problem: str) -> FieldError:
    message = f"the file of the {one.kind.word} {name!r} is broken: {problem}; put a whole file into the model bucket"
    return FieldError(one.field, message, "broken_model")


def _problem(unknown: Named, names: Names) -> FieldError:
    name = unknown.name[:MAX_NAME_LENGTH]
    if unknown.name in names.files:
        files = " and ".join(names.files[unknown.name]) or "them"
        problem = f"the weights of the {unknown.kind.word} {name!r} are missing: put {files} into the model bucket"
    else:
        problem = f"the Web UI has no {unknown.kind.word} {name!r}{_suggestion(name, names)}"
    message = f"{problem}; it has: {listed(names)}"
    return FieldError(unknown.field, message, unknown.kind.code)


def _suggestion(name: str, names: Names) -> str:
    meant = names.meant or {form.lower(): listed for form, listed in names.accepted.items()}
    nearest = difflib.get_close_matches(name.lower(), meant, n=1)
    return f" (did you mean {meant[nearest[0]]!r}?)" if nearest else ""


def listed(names: Names) -> str:
    """Return what there is, in one line of a bounded length."""
    known = sorted(set(names.accepted.values()))
    shown: list[str] = []
    length = 0
    for name in known[:MAX_NAMES_LISTED]:
        length += len(name) + len(", ")
        if length > MAX_LIST_LENGTH:
            break
        shown.append(name)
    more = len(known) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more" if more else "")
