"""The error that carries the exception name of the real Web UI."""


class WebUiException(Exception):
    """Raised where the Web UI raises an exception of this name, which its answer shows."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
