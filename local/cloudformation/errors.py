"""Why a template cannot be brought to life on this machine."""


class TemplateError(Exception):
    """Raised when a template holds something that the local system cannot do; says what, and where it stands."""

    def at(self, place: str) -> "TemplateError":
        """Return the same error with the place, from the outside in, before its message."""
        return type(self)(f"{place}: {self}")
