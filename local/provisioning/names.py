"""Physical names from stack and logical id, like CloudFormation's, so that logs are readable."""

import hashlib

from local.cloudformation.stack import Resource


def physical_name(resource: Resource, *, longest: int) -> str:
    """Return a name of at most `longest` characters that no other resource has."""
    name = f"{resource.stack_name}-{resource.logical_id}"
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: longest - 9]}-{digest}"


def physical_id(resource: Resource) -> str:
    """Return ten characters for a resource that AWS names by an id, such as a REST API."""
    return hashlib.sha256(resource.place.encode()).hexdigest()[:10]
