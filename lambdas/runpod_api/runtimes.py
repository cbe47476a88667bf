"""The runtimes as RunPod clients see them: endpoints, whose id is the runtime's name."""

from contract.errors import FieldError, RuntimeNotFound
from contract.routing import Catalogue


class Runtimes:
    """Knows the configured runtimes."""

    def __init__(self, *, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def check(self, name: str) -> None:
        """Raise RuntimeNotFound unless there is a runtime of this name."""
        found = self.catalogue.find(name)
        if isinstance(found, FieldError):
            raise RuntimeNotFound(found.message)
