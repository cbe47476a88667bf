"""Logs of the agent: one JSON object a line, an event name plus fields."""

import datetime as dt
import json
import logging
import sys
from typing import Any

#: Attribute of a log record that carries the fields.
_FIELDS = "event_fields"


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON. The message of a library's record becomes its event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class EventLog:
    """A logger whose fields stay bound: all lines of a task carry its id."""

    def __init__(self, logger: logging.Logger, fields: dict[str, Any] | None = None) -> None:
        self._logger = logger
        self._fields = fields or {}

    def bind(self, **fields: object) -> "EventLog":
        """Return a log that adds these fields to every line."""
        return EventLog(self._logger, {**self._fields, **fields})

    def debug(self, event: str, **fields: object) -> None:
        """Log what only somebody who hunts an error wants; the one place for prompts."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Log a step of a task's journey."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log what the agent copes with."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, error: BaseException | None = None, **fields: object) -> None:
        """Log what somebody should look at, with the traceback of `error`."""
        self._log(logging.ERROR, event, fields, error)

    def _log(self, level: int, event: str, fields: dict[str, Any], error: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=error, extra={_FIELDS: {**self._fields, **fields}})


def configure_logs(level: str) -> EventLog:
    """Send all logs of the process to standard output as JSON; called once, by the composition root."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logger = logging.getLogger("agent")
    logger.setLevel(level)
    return EventLog(logger)


def configure_metrics() -> EventLog:
    """Return the metrics logger. It ignores LOG_LEVEL."""
    logger = logging.getLogger("metrics")
    logger.setLevel(logging.INFO)
    return EventLog(logger)
