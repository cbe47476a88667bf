"""Provisioner of the stacks of an environment, in their order."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.clients import LocalAwsClients
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.cloudformation.stack import ACCOUNT_ID, Created, Resource, Stack
from local.cloudformation.synthesis import SynthesizedStack
from local.provisioning.resource_types import EMULATED, MADE, NOT_NEEDED

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmulatedResource:
    """A resource that the local system emulates itself."""

    resource: Resource
    created: Created


@dataclass
class Provisioned:
    """Outputs of all stacks by logical name, and the resources to emulate, by type."""

    outputs: dict[str, Any] = field(default_factory=dict)
    emulated: dict[str, list[EmulatedResource]] = field(default_factory=dict)

    def of_type(self, resource_type: str) -> list[EmulatedResource]:
        """Return the emulated resources of a type."""
        return self.emulated.get(resource_type, [])


def provision(stacks: Iterable[SynthesizedStack], clients: LocalAwsClients) -> Provisioned:
    """Create all resources of `stacks`; raise TemplateError for a type that the local system lacks."""
    stacks = list(stacks)
    _refuse_unknown_types(stacks)
    result = Provisioned()
    exports: dict[str, Any] = {}
    for synthesized in stacks:
        stack = Stack(
            synthesized.name,
            synthesized.template,
            region=clients.region,
            exports=exports,
            read_secret=lambda secret_id: clients("secretsmanager").get_secret_value(SecretId=secret_id)[
                "SecretString"
            ],
        )
        for logical_id, resource_type in stack.resource_types().items():
            if resource_type in NOT_NEEDED:
                # Templates pass on the ARN of roles and log groups. The local system reads no more of them.
                arn = f"arn:aws:local:{clients.region}:{ACCOUNT_ID}:{logical_id}"
                stack.add(logical_id, Created(logical_id, {"Arn": arn}))
                continue
            resource = stack.resource(logical_id)
            created = _create(resource, clients)
            stack.add(logical_id, created)
            if resource.type in EMULATED:
                result.emulated.setdefault(resource.type, []).append(EmulatedResource(resource, created))
            log.info("%s is %s", resource.place, created.reference)
        exports |= stack.exports()
        result.outputs |= stack.outputs()
    return result


def _refuse_unknown_types(stacks: Iterable[SynthesizedStack]) -> None:
    known = MADE.keys() | EMULATED.keys() | NOT_NEEDED.keys()
    unknown: dict[str, str] = {}
    for stack in stacks:
        resources: Mapping[str, Any] = stack.template.get("Resources", {})
        unknown |= {
            f"{stack.name}/{name}": value["Type"] for name, value in resources.items() if value["Type"] not in known
        }
    if unknown:
        listed = ", ".join(f"{place} ({resource_type})" for place, resource_type in sorted(unknown.items()))
        raise TemplateError(
            f"the local system does not know the type of {listed}; say in local/provisioning/resource_types.py whether"
            " it is made on the moto server, emulated, or not needed and why"
        )


def _create(resource: Resource, clients: LocalAwsClients) -> Created:
    properties = Properties(resource)
    if resource.type in EMULATED:
        return EMULATED[resource.type](clients, properties)
    try:
        created = MADE[resource.type](clients, properties)
    except (BotoCoreError, ClientError) as error:
        raise TemplateError(f"{resource.place}: {error}") from error
    properties.finish()
    return created
