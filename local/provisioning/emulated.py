"""Resources that the local system emulates itself. They need only a name that others can refer to."""

from typing import Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.properties import Properties
from local.cloudformation.stack import ACCOUNT_ID, Created

#: Characters of a function's name (Lambda quotas) and of a rule's name (EventBridge quotas).
_MAX_NAME: Final = 64


def emulate_function(clients: LocalAwsClients, properties: Properties) -> Created:
    """Name a Lambda function."""
    name = properties.resource.physical_name(longest=_MAX_NAME)
    return Created(name, {"Arn": f"arn:aws:lambda:{clients.region}:{ACCOUNT_ID}:function:{name}"})


def emulate_function_url(_clients: LocalAwsClients, properties: Properties) -> Created:
    """Name a function URL. `endpoints.json` has its real address, because that is known later."""
    identifier = properties.resource.physical_id()
    arn = properties.resource.properties["TargetFunctionArn"]
    return Created(identifier, {"FunctionUrl": f"https://{identifier}.lambda-url.local/", "FunctionArn": arn})


def emulate_rule(clients: LocalAwsClients, properties: Properties) -> Created:
    """Name an EventBridge rule."""
    name = properties.resource.physical_name(longest=_MAX_NAME)
    return Created(name, {"Arn": f"arn:aws:events:{clients.region}:{ACCOUNT_ID}:rule/{name}"})


def emulate_rest_api(_clients: LocalAwsClients, properties: Properties) -> Created:
    """Give a REST API its id and that of its root."""
    identifier = properties.resource.physical_id()
    return Created(identifier, {"RestApiId": identifier, "RootResourceId": f"{identifier}-root"})


def emulate_stage(_clients: LocalAwsClients, properties: Properties) -> Created:
    """Name a stage."""
    return Created(properties.resource.properties["StageName"])


def emulate_parameter(_clients: LocalAwsClients, properties: Properties) -> Created:
    """Name a parameter. Templates read its value, which holds names of another stack."""
    return Created(properties.resource.physical_id(), {"Value": properties.resource.properties["Value"]})


def emulate_by_id(_clients: LocalAwsClients, properties: Properties) -> Created:
    """Give a resource an id. API Gateway names the attribute by the type."""
    identifier = properties.resource.physical_id()
    kind = properties.resource.type.rsplit("::", 1)[-1]
    names = {"ApiKey": "APIKeyId"}
    return Created(identifier, {"Id": identifier, names.get(kind, f"{kind}Id"): identifier})
