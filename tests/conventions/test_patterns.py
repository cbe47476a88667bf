"""Every regular expression of the project takes time that grows no faster than the text, whatever a stranger sends."""

import gc
import re
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.conventions.language import PROJECT, tracked_files
from tests.conventions.patterns import Source, collect, hostile_texts

#: Length of the longest text. A quadratic expression needs 4 million steps for it.
LONGEST = 3000
#: A character may cost this many times what it costs in a shorter text. Quadratic growth exceeds it four times over.
MOST_GROWTH = 8
#: Measurements of each text, of which the middle one counts: the first look at an expression has one, and a growth must
#: show in ten looks with three. Other programs, and the clock of a virtual machine, make single measurements slow.
LOOKS = (1, *[3] * 10)
#: Methods that look for a match at every place of a text, and so do the work of `findall`.
SAME_WORK = {"sub": "findall", "subn": "findall", "split": "findall", "finditer": "findall"}
#: Patterns that exist only when the program runs, and the reason why each is safe.
KNOWN_WHEN_RUN = {
    "stacks/config/access.py: pattern": "the operator's own file; the patterns are those of `_ENDPOINTS`",
    "local/api_gateway/routes.py: _PARAMETER.sub(group, re.escape(path))": "a repetition ends at a slash or the end",
    "local/api_gateway/authorization.py: expression": "IAM's wildcards, of the project's own policies",
}

COLLECTION = collect(
    (PROJECT / file for file in tracked_files([]) if file.endswith(".py") and not file.startswith(("tests/", "docs/"))),
    PROJECT,
)


def growth(run: Callable[[str], object], text_of: Callable[[int], str], measurements: int) -> float:
    """Return how many times more a character costs in a longer text than in a shorter one."""
    cheapest, length = float("inf"), 12
    while length <= LONGEST:
        text = text_of(length)
        cost = sorted(processor_seconds(run, text) for _ in range(measurements))[measurements // 2] / len(text)
        if cost > MOST_GROWTH * cheapest:
            return cost / cheapest
        cheapest = min(cheapest, cost) if cost else cheapest
        length = length * 3 // 2
    return 1


def processor_seconds(run: Callable[[str], object], text: str) -> float:
    """Return what this thread uses. Other threads of a test process, and a collection of its heap, do not count."""
    gc.disable()
    try:
        began = time.thread_time()
        run(text)
        return time.thread_time() - began
    finally:
        gc.enable()


def slow_texts(pattern: str | bytes, flags: int, methods: Iterable[str]) -> Iterator[str]:
    if isinstance(pattern, bytes):
        pattern = pattern.decode("latin-1")
    compiled = re.compile(pattern, flags)
    for text_of in hostile_texts(pattern, flags):
        for method in dict.fromkeys(SAME_WORK.get(method, method) for method in methods):
            # A moment of the machine is not repeated; the growth of an expression is.
            if all(growth(getattr(compiled, method), text_of, measurements) > MOST_GROWTH for measurements in LOOKS):
                yield f"{method}: {text_of(40)!r}"


@pytest.mark.parametrize("source", COLLECTION.sources, ids=lambda source: f"{source.file}:{source.line}")
def test_a_text_of_twice_the_length_takes_twice_the_time(source: Source) -> None:
    assert not next(slow_texts(source.pattern, source.flags, source.methods), None), source.pattern


def test_every_pattern_is_judged() -> None:
    assert sorted(COLLECTION.unknown) == sorted(KNOWN_WHEN_RUN)


@pytest.mark.parametrize(
    "pattern",
    [r"\s*\[[0-9a-fA-F]+\]$", r"<(?:lora|lyco):([^:<>]+)[^<>]*>", r"(a+)+$", r"\w+\d+!", r"(?:a|aa)+$", r".*\n.*x"],
)
def test_a_slow_pattern_is_noticed(pattern: str) -> None:
    assert next(slow_texts(pattern, 0, {"search"}), None)
