"""Error of a template that the local system cannot emulate."""


class TemplateError(Exception):
    """Raised when a template holds something that the local system lacks; the message names it and its place."""

    def at(self, place: str) -> "TemplateError":
        """Return the same error with the place, from the outside in, before its message."""
        return type(self)(f"{place}: {self}")
