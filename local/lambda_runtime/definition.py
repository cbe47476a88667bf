"""Definition of a Lambda function, read from its template."""

from dataclasses import dataclass
from typing import Any, Final

from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.provisioning.provisioner import EmulatedResource

#: Lambda's own default (Lambda developer guide, "Configure function timeout").
_DEFAULT_TIMEOUT_SECONDS: Final = 3
#: Lambda's own default (Lambda developer guide, "Configure function memory").
_DEFAULT_MEMORY_MB: Final = 128


@dataclass(frozen=True)
class FunctionDefinition:
    """Definition of a function. `environment` holds its own variables only."""

    name: str
    arn: str
    handler: str
    environment: dict[str, str]
    timeout_seconds: float
    memory_mb: int
    max_concurrency: int | None = None

    @classmethod
    def from_template(cls, emulated: EmulatedResource) -> "FunctionDefinition":
        """Read the properties of an AWS::Lambda::Function, or raise TemplateError on what cannot run here."""
        properties = Properties(emulated.resource)
        properties.ignore(
            "Architectures",
            "Code",
            "DeadLetterConfig",
            "Description",
            "KmsKeyArn",
            "LoggingConfig",
            "RecursiveLoop",
            "Role",
            "Tags",
            "TracingConfig",
        )
        runtime = properties.require("Runtime")
        if not runtime.startswith("python"):
            raise TemplateError(
                f"{emulated.resource.place}: the local system runs Python functions only, not {runtime}"
            )
        variables: dict[str, Any] = properties.pop("Environment", {}).get("Variables", {})
        definition = cls(
            name=emulated.created.reference,
            arn=emulated.created.attributes["Arn"],
            handler=properties.require("Handler"),
            environment={name: str(value) for name, value in variables.items()},
            timeout_seconds=float(properties.pop("Timeout", _DEFAULT_TIMEOUT_SECONDS)),
            memory_mb=int(properties.pop("MemorySize", _DEFAULT_MEMORY_MB)),
            max_concurrency=properties.pop("ReservedConcurrentExecutions"),
        )
        properties.finish()
        return definition
