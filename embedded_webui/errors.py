"""The error that carries the exception name of the real Web UI."""


class WebUiException(Exception):
    """Raised where the Web UI raises an exception that this project would not raise under that name.

    Args:
        name: Class name of the exception that the answer shows.
        message: Its text.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
