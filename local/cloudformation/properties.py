"""Properties of a resource: its creator applies or ignores each, and the rest is refused."""

from typing import Any

from local.cloudformation.errors import TemplateError
from local.cloudformation.stack import Resource


class Properties:
    """The properties of one resource. `finish` refuses those that were neither applied nor ignored.

    A silently dropped property would make the local system differ from AWS unnoticed.
    """

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._left = dict(resource.properties)

    def pop(self, name: str, default: object = None) -> Any:
        """Return a property, `default` where the template leaves it out."""
        return self._left.pop(name, default)

    def require(self, name: str) -> Any:
        """Return a property that the template must hold."""
        if name not in self._left:
            raise TemplateError(f"{self.resource.place} has no property {name}")
        return self._left.pop(name)

    def pop_all(self) -> dict[str, Any]:
        """Return all properties that are left."""
        left, self._left = self._left, {}
        return left

    def ignore(self, *names: str) -> None:
        """Drop properties that mean nothing on one machine."""
        for name in names:
            self._left.pop(name, None)

    def finish(self) -> None:
        """Refuse the properties that are left."""
        if self._left:
            raise TemplateError(
                f"{self.resource.place}: the local system does not know the properties {', '.join(sorted(self._left))};"
                " apply or ignore them in local/provisioning"
            )
