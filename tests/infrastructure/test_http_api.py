import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.infrastructure.templates import Templates

PROJECT = Path(__file__).parents[2]
#: Routes that need no key, and how many calls a second they have on average and at once.
OPEN: Final = {
    ("GET", "/openapi.json"): (5, 10),
    ("GET", "/docs"): (5, 10),
    ("GET", "/console"): (5, 10),
    ("GET", "/console/{file+}"): (50, 200),
}


def routes(templates: Templates) -> dict[tuple[str, str], dict[str, Any]]:
    resources = {item.logical_id: item.properties for item in templates.resources("AWS::ApiGateway::Resource")}

    def path(reference: Any) -> str:
        resource = resources.get(reference.get("Ref", ""))
        return "" if resource is None else f"{path(resource['ParentId'])}/{resource['PathPart']}"

    return {
        (item.properties["HttpMethod"], path(item.properties["ResourceId"])): item.properties
        for item in templates.resources("AWS::ApiGateway::Method")
    }


def test_the_routes_go_to_their_functions_and_need_a_key(ecs: Templates) -> None:
    expected = {
        ("POST", "/v1alpha2"): "submit_task",
        ("POST", "/v1alpha1"): "submit_task",
        ("POST", "/v1alpha2/uploads"): "create_upload",
        ("GET", "/v1alpha2/tasks"): "read_task",
        ("GET", "/v1alpha2/tasks/{id}"): "read_task",
        ("GET", "/v1alpha2/tasks/{id}/request"): "read_task",
        ("DELETE", "/v1alpha2/tasks/{id}"): "read_task",
        ("POST", "/v1alpha2/tasks/{id}/retry"): "submit_task",
        ("POST", "/v1alpha2/tasks/{id}/webhook"): "read_task",
        ("GET", "/v1alpha2/runtimes"): "read_fleet",
        ("GET", "/v1alpha2/runtimes/{name}"): "read_fleet",
        ("GET", "/v1alpha2/fleet"): "read_fleet",
        ("POST", "/v1alpha2/batches"): "batch_api",
        ("GET", "/v1alpha2/batches"): "batch_api",
        ("GET", "/v1alpha2/batches/{id}"): "batch_api",
        ("DELETE", "/v1alpha2/batches/{id}"): "batch_api",
        ("GET", "/v1alpha2/batches/{id}/tasks"): "batch_api",
        ("POST", "/v1alpha2/batches/{id}/retry"): "batch_api",
        ("POST", "/v2/{runtime}/run"): "runpod_api",
        ("POST", "/v2/{runtime}/runsync"): "runpod_api",
        ("GET", "/v2/{runtime}/status/{id}"): "runpod_api",
        ("GET", "/v2/{runtime}/status-sync/{id}"): "runpod_api",
        ("GET", "/v2/{runtime}/stream/{id}"): "runpod_api",
        ("POST", "/v2/{runtime}/cancel/{id}"): "runpod_api",
        ("POST", "/v2/{runtime}/retry/{id}"): "runpod_api",
        ("POST", "/v2/{runtime}/purge-queue"): "runpod_api",
        ("GET", "/v2/{runtime}/health"): "runpod_api",
        ("GET", "/sdapi/v1/{call}"): "webui_api",
        ("POST", "/sdapi/v1/{call}"): "webui_api",
        ("GET", "/controlnet/{call}"): "webui_api",
        ("GET", "/runtimes/{runtime}/sdapi/v1/{call}"): "webui_api",
        ("POST", "/runtimes/{runtime}/sdapi/v1/{call}"): "webui_api",
        ("GET", "/runtimes/{runtime}/controlnet/{call}"): "webui_api",
        ("GET", "/v1/models"): "openai_api",
        ("GET", "/v1/models/{model+}"): "openai_api",
        ("POST", "/v1/images/generations"): "openai_api",
        ("POST", "/v1/images/edits"): "openai_api",
        ("POST", "/v1/images/variations"): "openai_api",
        ("POST", "/comfy/{runtime}/api/v2/jobs"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/jobs"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/jobs/{id}"): "comfy_api",
        ("POST", "/comfy/{runtime}/api/v2/jobs/{id}/cancel"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/jobs/{id}/workflow"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/jobs/{id}/events"): "comfy_api",
        ("POST", "/comfy/{runtime}/api/v2/assets"): "comfy_api",
        ("HEAD", "/comfy/{runtime}/api/v2/assets/by-hash/{hash}"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/assets/{id}"): "comfy_api",
        ("DELETE", "/comfy/{runtime}/api/v2/assets/{id}"): "comfy_api",
        ("GET", "/comfy/{runtime}/api/v2/assets/{id}/content"): "comfy_api",
        ("POST", "/mcp"): "mcp_api",
        ("GET", "/mcp"): "mcp_api",
        ("DELETE", "/mcp"): "mcp_api",
    }
    assert routes(ecs).keys() == expected.keys() | OPEN.keys()
    for route, method in routes(ecs).items():
        if route in OPEN:
            continue
        assert method["ApiKeyRequired"] is True
        assert method["AuthorizationType"] == "CUSTOM"
        assert ecs.flat(method["AuthorizerId"]) == "HttpAuthorizer"
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert f"{ecs.function(expected[route]).name}.Arn/invocations" in ecs.flat(method["Integration"]["Uri"])


def test_description_and_console_alone_need_no_key_and_their_calls_are_few(
    everything: Templates, ecs: Templates
) -> None:
    found = routes(ecs)
    assert {route for route, method in found.items() if method["AuthorizationType"] == "NONE"} == OPEN.keys()
    for route in OPEN:
        assert found[route]["ApiKeyRequired"] is False
        assert "AuthorizerId" not in found[route]
        assert f"{ecs.function('read_task').name}.Arn/invocations" in ecs.flat(found[route]["Integration"]["Uri"])
    for templates in (everything, ecs):
        (stage,) = templates.resources("AWS::ApiGateway::Stage")
        limited = [item for item in stage.properties["MethodSettings"] if "ThrottlingRateLimit" in item]
        # API Gateway writes the slashes of a path as ~1.
        rates = {
            (item["HttpMethod"], item["ResourcePath"].replace("~1", "/").replace("//", "/")): (
                item["ThrottlingRateLimit"],
                item["ThrottlingBurstLimit"],
            )
            for item in limited
        }
        assert rates == OPEN
        assert {item["LoggingLevel"] for item in limited} == {"ERROR"}


def test_pages_of_the_named_origins_may_call_the_api(everything: Templates, ecs: Templates) -> None:
    found = routes(everything)
    preflights = {path: method for (verb, path), method in found.items() if verb == "OPTIONS"}
    # A browser asks nothing before it reads the description.
    assert preflights.keys() == {path for _, path in found.keys() - OPEN.keys()}
    for method in preflights.values():
        assert (method["AuthorizationType"], method["ApiKeyRequired"]) == ("NONE", False)
    origins = ["https://app.shop.example"]
    for folder in (
        "submit_task",
        "create_upload",
        "read_task",
        "read_fleet",
        "mcp_api",
        "batch_api",
        "openai_api",
        "comfy_api",
        "runpod_api",
        "webui_api",
    ):
        assert everything.function(folder).properties["Environment"]["Variables"]["CORS_ORIGINS"] == json.dumps(origins)
    for response in everything.resources("AWS::ApiGateway::GatewayResponse"):
        for name in ("Allow-Origin", "Expose-Headers"):
            header = f"gatewayresponse.header.Access-Control-{name}"
            assert response.properties["ResponseParameters"][header] == "'*'"
    rules = [
        (rule["AllowedMethods"], rule["AllowedOrigins"])
        for bucket in everything.resources("AWS::S3::Bucket")
        for rule in bucket.properties.get("CorsConfiguration", {}).get("CorsRules", [])
    ]
    # Pages of the console post uploads and read pictures, too.
    console = "https://*.execute-api.eu-central-1."
    assert sorted(methods for methods, _ in rules) == [["GET", "HEAD"], ["POST"]]
    for _, allowed in rules:
        assert allowed[0] == origins[0]
        assert everything.flat(allowed[1]).startswith(console)


def test_the_description_of_the_api_has_the_same_routes(ecs: Templates) -> None:
    described = json.loads((PROJECT / "docs" / "reference" / "openapi.json").read_text())["paths"]
    methods = {(method.upper(), path) for path, operations in described.items() for method in operations}
    # OpenAPI has no sign for a parameter that may hold a slash.
    assert methods == {(method, path.replace("+}", "}")) for method, path in routes(ecs).keys() - OPEN.keys()}


def test_the_authorizer_sees_every_request_and_names_its_key(ecs: Templates) -> None:
    (authorizer,) = ecs.resources("AWS::ApiGateway::Authorizer")
    assert authorizer.properties["Type"] == "REQUEST"
    assert authorizer.properties["AuthorizerResultTtlInSeconds"] == 0
    assert not authorizer.properties.get("IdentitySource")
    assert f"{ecs.function('authorize').name}.Arn/invocations" in ecs.flat(authorizer.properties["AuthorizerUri"])
    (api,) = ecs.resources("AWS::ApiGateway::RestApi")
    assert api.properties["ApiKeySourceType"] == "AUTHORIZER"
    assert api.properties["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_an_answer_is_kept_where_the_environment_names_the_header_of_the_key(everything: Templates) -> None:
    (authorizer,) = everything.resources("AWS::ApiGateway::Authorizer")
    assert authorizer.properties["IdentitySource"] == "method.request.header.x-api-key"
    assert authorizer.properties["AuthorizerResultTtlInSeconds"] == 60
    # The other header must not choose the caller whose answer is kept.
    variables = everything.function("authorize").properties["Environment"]["Variables"]
    assert variables["API_KEY_HEADER"] == "x-api-key"


def test_calls_without_a_key_cannot_use_up_the_rate_of_callers_with_one(everything: Templates, ecs: Templates) -> None:
    for templates in (everything, ecs):
        (stage,) = templates.resources("AWS::ApiGateway::Stage")
        (every_method,) = [item for item in stage.properties["MethodSettings"] if item["ResourcePath"] == "/*"]
        assert not [name for name in every_method if "Throttling" in name]


def test_the_firewall_refuses_calls_without_a_key_and_addresses_with_too_many(everything: Templates) -> None:
    (acl,) = everything.resources("AWS::WAFv2::WebACL")
    assert acl.properties["DefaultAction"] == {"Allow": {}}
    without_key, too_many = acl.properties["Rules"]
    parts = [part["NotStatement"]["Statement"] for part in without_key["Statement"]["AndStatement"]["Statements"]]
    absent = [part["SizeConstraintStatement"] for part in parts if "SizeConstraintStatement" in part]
    # A browser sends no key with a preflight.
    (preflight,) = [part["ByteMatchStatement"] for part in parts if "ByteMatchStatement" in part]
    assert (preflight["FieldToMatch"], preflight["SearchString"]) == ({"Method": {}}, "OPTIONS")
    (path,) = [part["RegexMatchStatement"] for part in parts if "RegexMatchStatement" in part]
    assert path["FieldToMatch"] == {"UriPath": {}}
    is_open = re.compile(path["RegexString"]).search
    for prefix in ("/api", "/base-path", ""):
        assert all(is_open(f"{prefix}{open_path}") for _, open_path in OPEN)
    closed = (
        "/api/consolex",
        "/api/v1alpha2/console/tasks",
        "/api/v1alpha2/tasks",
        "/api/v1alpha2/tasks/docs",
        "/api/docs/more",
        "/api/openapiXjson",
        "/api/docsx",
    )
    assert not [closed_path for closed_path in closed if is_open(closed_path)]
    assert {part["FieldToMatch"]["SingleHeader"]["Name"] for part in absent} == {"x-api-key", "authorization"}
    assert {(part["ComparisonOperator"], part["Size"]) for part in absent} == {("GT", 0)}
    assert too_many["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 500,
    }
    bodies = acl.properties["CustomResponseBodies"]
    for rule, status, code in ((without_key, 401, "unauthorized"), (too_many, 429, "throttled")):
        response = rule["Action"]["Block"]["CustomResponse"]
        assert response["ResponseCode"] == status
        assert json.loads(bodies[response["CustomResponseBodyKey"]]["Content"])["error"]["code"] == code
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False, "a sample would show the key"
    assert too_many["Action"]["Block"]["CustomResponse"]["ResponseHeaders"][0]["Name"] == "Retry-After"
    (association,) = everything.resources("AWS::WAFv2::WebACLAssociation")
    assert everything.flat(association.properties["ResourceArn"]).endswith(
        ":apigateway:eu-central-1::/restapis/HttpApi/stages/HttpApiDeploymentStageapi"
    )


def test_there_is_no_firewall_unless_the_environment_sets_it(ecs: Templates) -> None:
    assert not ecs.resources("AWS::WAFv2::WebACL")


def test_only_this_api_may_call_the_functions_behind_it(ecs: Templates) -> None:
    permissions = [
        item.properties
        for item in ecs.resources("AWS::Lambda::Permission")
        if item.properties["Principal"] == "apigateway.amazonaws.com"
    ]
    # One for each route, and one for the authorizer.
    assert len(permissions) == len(routes(ecs)) + 1
    for permission in permissions:
        assert ":HttpApi/" in ecs.flat(permission["SourceArn"])
        assert permission["Action"] == "lambda:InvokeFunction"


def test_each_key_is_a_secret_with_a_share_of_its_own(everything: Templates) -> None:
    secrets = [item for item in everything.resources("AWS::SecretsManager::Secret") if "Key" in item.logical_id]
    assert {secret.properties["Description"] for secret in secrets} == {
        "Key shop of Darkroom's HTTP API",
        "Key batch-producer of Darkroom's HTTP API",
    }
    for secret in secrets:
        assert secret.properties["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 40}
    for key in everything.resources("AWS::ApiGateway::ApiKey"):
        value = everything.flat(key.properties["Value"])
        name = "".join(part for part in key.properties["Description"].split("-"))
        assert value == f"{{{{resolve:secretsmanager:ApiKeys{name}secret:SecretString:::}}}}"
    assert len(everything.resources("AWS::ApiGateway::UsagePlanKey")) == 2
    (plan,) = everything.resources("AWS::ApiGateway::UsagePlan")
    assert plan.properties["Throttle"] == {"RateLimit": 5, "BurstLimit": 8}
    assert plan.properties["Quota"] == {"Limit": 1000, "Period": "DAY"}
    assert everything.flat(plan.properties["ApiStages"][0]["ApiId"]) == "HttpApi"


def test_the_authorizer_knows_the_secret_of_each_key(everything: Templates) -> None:
    variables = everything.function("authorize").properties["Environment"]["Variables"]
    assert json.loads(everything.flat(variables["API_KEY_SECRET_ARNS"])) == {
        "shop": "ApiKeysshopsecret",
        "batch-producer": "ApiKeysbatchproducersecret",
    }


def test_there_is_no_quota_unless_the_environment_sets_one(ecs: Templates) -> None:
    (plan,) = ecs.resources("AWS::ApiGateway::UsagePlan")
    assert "Quota" not in plan.properties


def test_the_stage_is_logged_and_measured(everything: Templates) -> None:
    (stage,) = everything.resources("AWS::ApiGateway::Stage")
    (settings,) = [item for item in stage.properties["MethodSettings"] if item["ResourcePath"] == "/*"]
    assert settings["HttpMethod"] == "*"
    # They have a price for each method, and nothing reads them.
    assert "MetricsEnabled" not in settings
    # API Gateway would create this group without an expiry.
    groups = [group for group in everything.resources("AWS::Logs::LogGroup") if group.name == "HttpExecutionLogs"]
    assert [everything.flat(group.properties["LogGroupName"]) for group in groups] == [
        "API-Gateway-Execution-Logs_HttpApi/api"
    ]
    assert groups[0].properties["RetentionInDays"] == everything.environment.log_retention_days
    assert settings["LoggingLevel"] == "ERROR"
    assert not settings.get("DataTraceEnabled"), "bodies hold prompts and pictures of users"
    assert stage.properties["TracingEnabled"] is True
    access_log = stage.properties["AccessLogSetting"]
    assert everything.flat(access_log["DestinationArn"]).endswith("HttpAccessLogs")
    entry = json.loads(access_log["Format"])
    assert entry["key"] == "$context.authorizer.principalId"


def answers(templates: Templates) -> dict[str, dict[str, Any]]:
    return {
        item.properties["ResponseType"]: item.properties
        for item in templates.resources("AWS::ApiGateway::GatewayResponse")
    }


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("UNAUTHORIZED", "401", "unauthorized"),
        ("ACCESS_DENIED", "403", "forbidden"),
        ("INVALID_API_KEY", "403", "forbidden"),
        ("MISSING_AUTHENTICATION_TOKEN", "404", "not_found"),
        ("RESOURCE_NOT_FOUND", "404", "not_found"),
        ("REQUEST_TOO_LARGE", "413", "too_large"),
        ("THROTTLED", "429", "throttled"),
        ("QUOTA_EXCEEDED", "429", "throttled"),
        ("AUTHORIZER_FAILURE", "500", "internal_error"),
        ("INTEGRATION_FAILURE", "503", "internal_error"),
        ("INTEGRATION_TIMEOUT", "504", "internal_error"),
        ("DEFAULT_4XX", None, "bad_request"),
        ("DEFAULT_5XX", None, "internal_error"),
    ],
)
def test_the_gateways_own_answers_have_the_error_body(ecs: Templates, kind: str, status: str | None, code: str) -> None:
    answer = answers(ecs)[kind]
    assert answer.get("StatusCode") == status
    body = json.loads(answer["ResponseTemplates"]["application/json"])
    assert body.keys() == {"error"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]


def test_openais_clients_do_not_repeat_a_call_that_has_probably_made_a_task(ecs: Templates) -> None:
    header = "gatewayresponse.header.x-should-retry"
    by_kind = {kind: answer.get("ResponseParameters", {}).get(header) for kind, answer in answers(ecs).items()}
    assert {kind: value for kind, value in by_kind.items() if value} == {"INTEGRATION_TIMEOUT": "'false'"}


def test_a_throttled_caller_is_told_when_to_come_again(ecs: Templates) -> None:
    for kind in ("THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE"):
        header = answers(ecs)[kind]["ResponseParameters"]["gatewayresponse.header.Retry-After"]
        assert int(header.strip("'")) >= 1
