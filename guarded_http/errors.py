"""Errors of a link that is not followed, or does not give what it should."""

from contract.errors import DarkroomError


class LinkRefused(DarkroomError):
    """Raised when a link must not be followed: where it leads, how it is written, or what it points to."""

    code = "link_refused"


class LinkUnavailable(DarkroomError):
    """Raised when a link may be followed but does not give what it should."""

    code = "link_unavailable"
