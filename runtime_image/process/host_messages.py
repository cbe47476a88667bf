"""Messages between the supervisor and the host of the Web UI: lines of JSON over one connection for each process.

The host names the port of the output, then the process, then once a second its size, and last its exit status. The
supervisor sends the name of a signal in a line. The end of the connection ends the process.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

#: The host accepts connections from the same machine or pod only.
LOOPBACK: Final = "127.0.0.1"
#: Seconds for each message of a start. The supervisor's loop waits for so long.
START_SECONDS: Final = 5.0
#: Bytes of a line. The process behind the host is not trusted, so the supervisor reads no more.
MAX_LINE_BYTES: Final = 1_024
#: Prefix of a signal for the whole process group.
GROUP_PREFIX: Final = "group "


class HostMessage(BaseModel):
    """Line of the host, with one of these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    pid: PositiveInt | None = None
    #: Above the limit it is no size, and `/metrics` could not write it as a number.
    resident_bytes: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    #: Exit status, negative for a signal.
    status: int | None = None
    #: Why the process could not start.
    error: str | None = None

    def line(self) -> bytes:
        """Return the line."""
        return self.model_dump_json(exclude_none=True).encode() + b"\n"
