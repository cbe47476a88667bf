"""Stack during its creation: resources in order, their physical names and attributes, and outputs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.cloudformation.creation_order import creation_order
from local.cloudformation.errors import TemplateError
from local.cloudformation.intrinsics import (
    ReadSecret,
    Resolver,
    output_name,
    replace_dynamic_references,
)

#: Sections of the templates that the CDK writes for Darkroom. It refers to no parameter, and rules check parameters.
_KNOWN_SECTIONS: Final = frozenset({"Description", "Metadata", "Outputs", "Parameters", "Resources", "Rules"})
#: The account of the moto server.
ACCOUNT_ID: Final = "123456789012"


@dataclass(frozen=True)
class Created:
    """A created resource: its physical name for Ref, and its attributes for Fn::GetAtt."""

    reference: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """One resource of a stack with its properties resolved."""

    stack_name: str
    logical_id: str
    type: str
    properties: dict[str, Any]

    @property
    def place(self) -> str:
        """The place of the resource, for messages."""
        return f"{self.stack_name}/{self.logical_id} ({self.type})"

    def physical_name(self, *, longest: int) -> str:
        """Return a name of at most `longest` characters that no other resource has, readable in logs."""
        name = f"{self.stack_name}-{self.logical_id}"
        if len(name) <= longest:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{name[: longest - 9]}-{digest}"

    def physical_id(self) -> str:
        """Return ten characters for a resource that AWS names by an id, such as a REST API."""
        return hashlib.sha256(self.place.encode()).hexdigest()[:10]


class Stack:
    """A template with the values that its functions need. `exports` are those of the stacks before it."""

    def __init__(
        self,
        name: str,
        template: Mapping[str, Any],
        *,
        region: str,
        exports: Mapping[str, Any],
        read_secret: ReadSecret,
    ) -> None:
        if unknown := template.keys() - _KNOWN_SECTIONS:
            raise TemplateError(f"{name}: the local system does not know the sections {', '.join(sorted(unknown))}")
        self.name = name
        self._template = template
        self._exports = exports
        self._created: dict[str, Created] = {}
        self._pseudo_parameters = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{name}/local",
            "AWS::StackName": name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._resolver = Resolver(
            reference=self._reference,
            attribute=self._attribute,
            imported=self._imported,
            text=lambda text: replace_dynamic_references(text, read_secret),
        )

    def resource_types(self) -> dict[str, str]:
        """Return the type of every resource by logical id, dependencies first."""
        resources = self._template["Resources"]
        return {logical_id: resources[logical_id]["Type"] for logical_id in creation_order(resources)}

    def resource(self, logical_id: str) -> Resource:
        """Return a resource with its properties resolved; all that it refers to must have been added."""
        resource = self._template["Resources"][logical_id]
        try:
            properties = self._resolver.resolve(resource.get("Properties", {}))
        except TemplateError as error:
            raise error.at(f"{self.name}/{logical_id}") from None
        return Resource(self.name, logical_id, resource["Type"], properties)

    def add(self, logical_id: str, created: Created) -> None:
        """Record a created resource."""
        self._created[logical_id] = created

    def outputs(self) -> dict[str, Any]:
        """Return the values of the outputs by logical name."""
        return {name: self._output(name, output["Value"]) for name, output in self._outputs().items()}

    def exports(self) -> dict[str, Any]:
        """Return the values that later stacks may import, by export name or by `output_name`."""
        exports = {
            self._resolver.resolve(output["Export"]["Name"]): self._output(name, output["Value"])
            for name, output in self._outputs().items()
            if "Export" in output
        }
        return exports | {output_name(self.name, name): value for name, value in self.outputs().items()}

    def _outputs(self) -> dict[str, Any]:
        return dict(self._template.get("Outputs", {}))

    def _output(self, name: str, value: Any) -> Any:
        try:
            return self._resolver.resolve(value)
        except TemplateError as error:
            raise error.at(f"{self.name}/Outputs/{name}") from None

    def _reference(self, name: str) -> object:
        if name in self._created:
            return self._created[name].reference
        if name in self._pseudo_parameters:
            return self._pseudo_parameters[name]
        raise TemplateError(f"Ref to {name!r}, which is no resource or pseudo parameter")

    def _attribute(self, logical_id: str, attribute: str) -> object:
        if logical_id not in self._created:
            raise TemplateError(f"Fn::GetAtt of {logical_id!r}, which is no resource of this stack")
        attributes = self._created[logical_id].attributes
        if attribute not in attributes:
            raise TemplateError(
                f"the local system does not know the attribute {attribute!r} of {logical_id!r};"
                f" it knows {', '.join(sorted(attributes)) or 'none'}"
            )
        return attributes[attribute]

    def _imported(self, name: str) -> object:
        if name not in self._exports:
            raise TemplateError(f"Fn::ImportValue of {name!r}, which no stack before this one exports")
        return self._exports[name]
