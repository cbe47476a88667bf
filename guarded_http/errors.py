"""Errors of a link that is not followed, or does not give what it should."""

from contract.errors import DarkroomError


class LinkRefused(DarkroomError):
    """Raised when a link must not be followed: where it leads, how it is written, or what it points to."""

    code = "link_refused"

    def __init__(self, message: str, *, private_address: str | None = None) -> None:
        super().__init__(message)
        #: Address for the log only, because it would show the sender a part of the private network.
        self.private_address = private_address


class LinkUnavailable(DarkroomError):
    """Raised when a link may be followed but does not give what it should."""

    code = "link_unavailable"
