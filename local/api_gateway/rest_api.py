"""REST API of the templates: routes, authorizer, keys and limits as plain values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from local.api_gateway.gateway_responses import GatewayResponses
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.provisioning.provisioner import EmulatedResource, Provisioned

#: API Gateway's default, and its most for an API that has no raised quota (API Gateway quotas).
_DEFAULT_TIMEOUT_MS: Final = 29_000
#: An authorizer's identity source: one header, or nothing.
_IDENTITY_SOURCE: Final = re.compile(r"(?:method\.request\.header\.([\w-]+))?")
#: The ARN of the function inside the URI by which API Gateway calls it.
_FUNCTION_ARN: Final = re.compile(r"/functions/(arn:[^/]+)/invocations$")


@dataclass(frozen=True)
class AuthorizerFunction:
    """Function that authorizes requests. With a `key_header`, its answer is kept for each value of that header."""

    arn: str
    key_header: str | None = None
    answer_max_age_seconds: int = 0


@dataclass(frozen=True)
class Method:
    """One method of one resource; `authorizer` is None where anybody may call it."""

    http_method: str
    resource_id: str
    resource_path: str
    function_arn: str
    timeout_seconds: float
    authorizer: AuthorizerFunction | None
    needs_key: bool


@dataclass(frozen=True)
class Limit:
    """What a key may do: requests a second on average, at once, and (None for any number) a day."""

    requests_per_second: float | None
    burst: int | None
    requests_per_day: int | None


@dataclass(frozen=True)
class Key:
    """One API key with the limits of its usage plan."""

    key_id: str
    value: str
    limit: Limit


@dataclass(frozen=True)
class RestApi:
    """All that the gateway must know of the API."""

    api_id: str
    stage: str
    region: str
    key_from_authorizer: bool
    binary_media_types: tuple[str, ...]
    #: Size of a response from which it is compressed, None for never.
    compressed_from_bytes: int | None
    methods: tuple[Method, ...]
    keys: tuple[Key, ...]
    responses: GatewayResponses


def read_rest_api(provisioned: Provisioned, *, region: str) -> RestApi:
    """Return the one REST API of the templates, or raise TemplateError on what the gateway cannot do."""
    api = _only(provisioned.of_type("AWS::ApiGateway::RestApi"), "REST API")
    properties = Properties(api.resource)
    properties.ignore("Description", "DisableExecuteApiEndpoint", "EndpointConfiguration", "Name", "Policy", "Tags")
    compressed_from = properties.pop("MinimumCompressionSize", None)
    key_source = properties.pop("ApiKeySourceType", "HEADER")
    binary_media_types = tuple(properties.pop("BinaryMediaTypes", []))
    properties.finish()
    stage = _only(provisioned.of_type("AWS::ApiGateway::Stage"), "stage")
    _check_stage(stage)
    return RestApi(
        api_id=api.created.reference,
        stage=stage.created.reference,
        region=region,
        key_from_authorizer=key_source == "AUTHORIZER",
        binary_media_types=binary_media_types,
        compressed_from_bytes=None if compressed_from is None else int(compressed_from),
        methods=tuple(_methods(provisioned, root_id=api.created.attributes["RootResourceId"])),
        keys=tuple(_keys(provisioned)),
        responses=GatewayResponses.from_template(provisioned.of_type("AWS::ApiGateway::GatewayResponse")),
    )


def _check_stage(stage: EmulatedResource) -> None:
    properties = Properties(stage.resource)
    # The limits in MethodSettings protect the quota of an account, which the local system lacks.
    properties.ignore("AccessLogSetting", "DeploymentId", "Description", "MethodSettings", "RestApiId", "StageName")
    properties.ignore("Tags", "TracingEnabled")
    properties.finish()


def _only(found: list[EmulatedResource], what: str) -> EmulatedResource:
    if len(found) != 1:
        raise TemplateError(f"the gateway serves one {what}, and the templates hold {len(found)}")
    return found[0]


def _methods(provisioned: Provisioned, *, root_id: str) -> Iterable[Method]:
    paths = _paths(provisioned, root_id)
    authorizers = {
        authorizer.created.reference: _authorizer(authorizer)
        for authorizer in provisioned.of_type("AWS::ApiGateway::Authorizer")
    }
    for method in provisioned.of_type("AWS::ApiGateway::Method"):
        properties = Properties(method.resource)
        properties.ignore("MethodResponses", "OperationName", "RestApiId")
        authorizer_id = properties.pop("AuthorizerId", None)
        authorization = properties.pop("AuthorizationType", "NONE")
        if authorization not in {"NONE", "CUSTOM"}:
            raise TemplateError(f"{method.resource.place}: the gateway does not know the authorization {authorization}")
        resource_id = properties.require("ResourceId")
        arn, timeout_ms = _integration(properties)
        yield Method(
            http_method=properties.require("HttpMethod"),
            resource_id=resource_id,
            resource_path=paths[resource_id],
            function_arn=arn,
            timeout_seconds=timeout_ms / 1000,
            authorizer=authorizers[str(authorizer_id)] if authorization == "CUSTOM" else None,
            needs_key=bool(properties.pop("ApiKeyRequired")),
        )
        properties.finish()


def _paths(provisioned: Provisioned, root_id: str) -> dict[str, str]:
    paths = {root_id: "/"}
    # A parent is always made before its processes.
    for resource in provisioned.of_type("AWS::ApiGateway::Resource"):
        properties = resource.resource.properties
        parent = paths[properties["ParentId"]].rstrip("/")
        paths[resource.created.reference] = f"{parent}/{properties['PathPart']}"
    return paths


def _integration(properties: Properties) -> tuple[str, int]:
    integration: dict[str, Any] = properties.require("Integration")
    if integration.get("Type") != "AWS_PROXY":
        raise TemplateError(f"{properties.resource.place}: the gateway knows integrations of type AWS_PROXY only")
    return _function_arn(integration["Uri"]), int(integration.get("TimeoutInMillis", _DEFAULT_TIMEOUT_MS))


def _function_arn(uri: str) -> str:
    match = _FUNCTION_ARN.search(uri)
    if match is None:
        raise TemplateError(f"the gateway calls functions only, not {uri}")
    return match[1]


def _authorizer(authorizer: EmulatedResource) -> AuthorizerFunction:
    properties = Properties(authorizer.resource)
    properties.ignore("AuthorizerCredentials", "Name", "RestApiId")
    kind = properties.require("Type")
    source = _IDENTITY_SOURCE.fullmatch(properties.pop("IdentitySource") or "")
    seconds = int(properties.pop("AuthorizerResultTtlInSeconds", 300))
    if kind != "REQUEST" or source is None or bool(source[1]) != (seconds > 0):
        raise TemplateError(
            f"{authorizer.resource.place}: the gateway knows authorizers of type REQUEST, with one header as"
            " IdentitySource and its answers kept, or with neither (AuthorizerResultTtlInSeconds 0)"
        )
    arn = _function_arn(properties.require("AuthorizerUri"))
    properties.finish()
    return AuthorizerFunction(arn, source[1], seconds)


def _keys(provisioned: Provisioned) -> Iterable[Key]:
    limits = {plan.created.reference: _limit(plan) for plan in provisioned.of_type("AWS::ApiGateway::UsagePlan")}
    plan_of_key = {
        link.resource.properties["KeyId"]: link.resource.properties["UsagePlanId"]
        for link in provisioned.of_type("AWS::ApiGateway::UsagePlanKey")
    }
    for key in provisioned.of_type("AWS::ApiGateway::ApiKey"):
        properties = key.resource.properties
        # A key outside every plan opens nothing.
        if key.created.reference in plan_of_key and properties.get("Enabled", False):
            if "Value" not in properties:
                raise TemplateError(f"{key.resource.place} has no Value; the gateway makes up no keys")
            plan = plan_of_key[key.created.reference]
            yield Key(key.created.reference, properties["Value"], limits[plan])


def _limit(plan: EmulatedResource) -> Limit:
    properties = Properties(plan.resource)
    properties.ignore("ApiStages", "Description", "Tags", "UsagePlanName")
    throttle = properties.pop("Throttle", {})
    quota = properties.pop("Quota", None)
    if quota and quota["Period"] != "DAY":
        raise TemplateError(f"{plan.resource.place}: the gateway knows quotas of a day only")
    properties.finish()
    return Limit(throttle.get("RateLimit"), throttle.get("BurstLimit"), quota["Limit"] if quota else None)
