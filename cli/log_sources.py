"""Sources of log lines: the files of a local system, and the log groups of a deployed one."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.aws import aws_errors
from cli.errors import Unreachable

#: Seconds by which CloudWatch may show a line later than its time says.
LATE_SECONDS: Final = 60.0
#: Fields that functions and replicas write in each line, and that are shown apart or say nothing to people.
_COMMON: Final = frozenset({
    "time", "timestamp", "level", "event", "message", "location", "service", "cold_start", "function_name",
    "function_memory_size", "function_arn", "function_request_id", "xray_trace_id", "_aws",
})  # fmt: skip
#: Parts of the names of log groups and functions: stack, name and hash.
_NAME: Final = re.compile(r"Darkroom-.+-(?P<stack>[A-Z]\w*)-(?P<part>\w+?)(?:Logs)?[0-9A-F]{8}(?:-\w+)?")
#: Characters of a task's id, and the colon between it and its tenant.
_WORD: Final = re.compile(r"[\w.:-]+")
#: Run of a task, with which the names of its outputs go on.
_RUN: Final = re.compile(r"-[0-9a-f]{16}[.-]")
#: Log groups of the API's gateway, and of the network's flow logs, have no line of a task.
_NOT_OF_TASKS: Final = ("HttpAccess", "NetworkFlow")


class LogLine(NamedTuple):
    """One line, with the part of the system that wrote it."""

    time: str
    source: str
    #: The fields of a structured line, the text of any other.
    line: dict[str, Any] | str


class LocalLogs:
    """Log files of a local system."""

    def __init__(self, *, folder: Path, task_id: str | None, since: float) -> None:
        self._folder = folder
        self._task_id = task_id
        self._since = _shown_time(since)
        self._offsets: dict[Path, int] = {}

    def read(self) -> list[LogLine]:
        """Return the lines since the last call, the oldest first."""
        found = [line for path in sorted(self._folder.rglob("*.log")) for line in self._lines(path)]
        return sorted((line for line in found if line.time >= self._since), key=lambda line: line.time)

    def _lines(self, path: Path) -> Iterator[LogLine]:
        """Yield the whole new lines of a file. One without a time has that of its neighbour, or else of the file."""
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            new = file.read().rpartition(b"\n")[0]
        self._offsets[path] = self._offsets.get(path, 0) + len(new) + bool(new)
        texts = new.decode(errors="replace").splitlines()
        lines = [_fields(text) for text in texts]
        times = [_time_in(line) for line in lines]
        written = next(filter(None, times), _shown_time(path.stat().st_mtime))
        for text, line, time in zip(texts, lines, times, strict=True):
            written = time or written
            if _mentions(self._task_id, text):
                yield LogLine(written, _source(path.stem), line)


class CloudWatchLogs:
    """Log groups of a deployed environment's functions and replicas."""

    def __init__(self, *, client: Any, environment: str, task_id: str | None, since: float) -> None:
        self._client = client
        self._environment = environment
        self._task_id = task_id
        self._pattern = {"filterPattern": json.dumps(task_id)} if task_id else {}
        self._start_ms = int(since * 1000)
        self._seen: set[str] = set()
        self._groups: list[str] = []

    def read(self) -> list[LogLine]:
        """Return the lines since the last call, the oldest first."""
        with aws_errors("the logs cannot be read"):
            self._groups = self._groups or self._find_groups()
            events = [(group, event) for group in self._groups for event in self._events(group)]
        new = [
            (group, event)
            for group, event in events
            if event["eventId"] not in self._seen and _mentions(self._task_id, event["message"])
        ]
        newest = max((event["timestamp"] for _, event in events), default=self._start_ms)
        self._start_ms = max(self._start_ms, newest - int(LATE_SECONDS * 1000))
        self._seen = {event["eventId"] for _, event in events}
        lines = [
            LogLine(_shown_time(event["timestamp"] / 1000), _source(group), _fields(event["message"].rstrip()))
            for group, event in new
        ]
        return sorted(lines, key=lambda line: line.time)

    def _events(self, group: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=self._start_ms, **self._pattern
        )
        for page in pages:
            yield from page["events"]

    def _find_groups(self) -> list[str]:
        prefix = f"Darkroom-{self._environment}-"
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        groups = [name for name in names if is_task_log_group(name, environment=self._environment)]
        if not groups:
            raise Unreachable(f"environment {self._environment!r} has no log groups; is it deployed in this region?")
        return groups


def is_task_log_group(name: str, *, environment: str) -> bool:
    """Return True if a log group belongs to the functions or replicas of this environment."""
    match = _NAME.fullmatch(name)
    # `prod` must not find the groups of `prod-eu`: what follows the name begins with a capital.
    is_ours = match is not None and name.startswith(f"Darkroom-{environment}-{match['stack']}-")
    return is_ours and match is not None and match["part"] not in _NOT_OF_TASKS


def _mentions(task_id: str | None, text: str) -> bool:
    """Return True if a line names the task, and not only one whose id contains this one."""
    return task_id is None or (task_id in text and any(_names(word, task_id) for word in _WORD.findall(text)))


def _names(word: str, task_id: str) -> bool:
    # A full stop or a colon may end a sentence.
    name = word.strip(".:")
    if ":" not in task_id:
        name = name.rpartition(":")[2]
    return name == task_id or (name.startswith(task_id) and _RUN.match(name, len(task_id)) is not None)


def as_text(line: LogLine) -> str:
    """Return a line for people: time, origin, level, event and what else it says."""
    if isinstance(line.line, str):
        return f"{line.time} {line.source} {line.line}"
    fields = line.line
    rest = (f"{name}={_value(value)}" for name, value in fields.items() if name not in _COMMON)
    event = fields.get("event") or fields.get("message")
    return " ".join(str(part) for part in (line.time, line.source, fields.get("level"), event, *rest) if part)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fields(text: str) -> dict[str, Any] | str:
    try:
        fields = json.loads(text)
    except ValueError:
        return text
    return fields if isinstance(fields, dict) else text


def _source(name: str) -> str:
    match = _NAME.fullmatch(name)
    return match["part"] if match else name


def _time_in(fields: dict[str, Any] | str) -> str:
    """Return the time that a line names, in the form of all lines; empty if it names none."""
    if isinstance(fields, str):
        text = fields[:23].replace(",", ".")
    else:
        text = str(fields.get("time") or fields.get("timestamp") or "").replace(",", ".")
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return _shown_time(parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp())


def _shown_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
