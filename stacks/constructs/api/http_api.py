"""REST API of an environment: routes, authorizer, throttling and logs."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from aws_cdk import Duration, Fn, Size, Stack, aws_apigateway
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.api.firewall import Firewall
from stacks.constructs.api.gateway_errors import GATEWAY_ERRORS
from stacks.constructs.functions.task_function import TaskFunction
from stacks.constructs.nag_suppressions import suppress, suppress_managed_policies
from stacks.constructs.retention import RetainedLogGroup

STAGE: Final = "api"
#: Type of the forms in which pictures come.
MULTIPART: Final = "multipart/form-data"
#: Seconds for which API Gateway keeps the authorizer's answer, which delays the end of a revoked key.
ANSWER_MAX_AGE_SECONDS: Final = 60
SUBMIT: Final = "submit"
READ: Final = "read"
UPLOAD: Final = "upload"
BATCH: Final = "batch"
RUNPOD: Final = "runpod"
WEBUI: Final = "webui"
OPENAI: Final = "openai"
FLEET: Final = "fleet"
MCP: Final = "mcp"
COMFY: Final = "comfy"
_COMFY_API: Final = "/comfy/{runtime}/api/v2"
#: Method, path and function of each route.
ROUTES: Final = (
    ("POST", "/v1alpha2", SUBMIT),
    ("POST", "/v1alpha1", SUBMIT),
    ("POST", "/v1alpha2/uploads", UPLOAD),
    ("GET", "/v1alpha2/tasks", READ),
    ("GET", "/v1alpha2/tasks/{id}", READ),
    ("GET", "/v1alpha2/tasks/{id}/request", READ),
    ("DELETE", "/v1alpha2/tasks/{id}", READ),
    ("POST", "/v1alpha2/tasks/{id}/retry", SUBMIT),
    ("POST", "/v1alpha2/tasks/{id}/webhook", READ),
    ("GET", "/v1alpha2/runtimes", FLEET),
    ("GET", "/v1alpha2/runtimes/{name}", FLEET),
    ("GET", "/v1alpha2/fleet", FLEET),
    ("POST", "/v1alpha2/batches", BATCH),
    ("GET", "/v1alpha2/batches", BATCH),
    ("GET", "/v1alpha2/batches/{id}", BATCH),
    ("DELETE", "/v1alpha2/batches/{id}", BATCH),
    ("GET", "/v1alpha2/batches/{id}/tasks", BATCH),
    ("POST", "/v1alpha2/batches/{id}/retry", BATCH),
    ("POST", "/v2/{runtime}/run", RUNPOD),
    ("POST", "/v2/{runtime}/runsync", RUNPOD),
    ("GET", "/v2/{runtime}/status/{id}", RUNPOD),
    ("GET", "/v2/{runtime}/status-sync/{id}", RUNPOD),
    ("GET", "/v2/{runtime}/stream/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/cancel/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/retry/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/purge-queue", RUNPOD),
    ("GET", "/v2/{runtime}/health", RUNPOD),
    # The function refuses unknown calls and methods as the Web UI would.
    ("GET", "/sdapi/v1/{call}", WEBUI),
    ("POST", "/sdapi/v1/{call}", WEBUI),
    ("GET", "/controlnet/{call}", WEBUI),
    ("GET", "/runtimes/{runtime}/sdapi/v1/{call}", WEBUI),
    ("POST", "/runtimes/{runtime}/sdapi/v1/{call}", WEBUI),
    ("GET", "/runtimes/{runtime}/controlnet/{call}", WEBUI),
    ("GET", "/v1/models", OPENAI),
    # The name of a checkpoint may hold a slash.
    ("GET", "/v1/models/{model+}", OPENAI),
    ("POST", "/v1/images/generations", OPENAI),
    ("POST", "/v1/images/edits", OPENAI),
    ("POST", "/v1/images/variations", OPENAI),
    ("POST", f"{_COMFY_API}/jobs", COMFY),
    ("GET", f"{_COMFY_API}/jobs", COMFY),
    ("GET", f"{_COMFY_API}/jobs/{{id}}", COMFY),
    ("POST", f"{_COMFY_API}/jobs/{{id}}/cancel", COMFY),
    ("GET", f"{_COMFY_API}/jobs/{{id}}/workflow", COMFY),
    ("GET", f"{_COMFY_API}/jobs/{{id}}/events", COMFY),
    ("POST", f"{_COMFY_API}/assets", COMFY),
    ("HEAD", f"{_COMFY_API}/assets/by-hash/{{hash}}", COMFY),
    ("GET", f"{_COMFY_API}/assets/{{id}}", COMFY),
    ("DELETE", f"{_COMFY_API}/assets/{{id}}", COMFY),
    ("GET", f"{_COMFY_API}/assets/{{id}}/content", COMFY),
    ("POST", "/mcp", MCP),
    # The protocol asks for 405, because there is no stream to listen on and no session to end.
    ("GET", "/mcp", MCP),
    ("DELETE", "/mcp", MCP),
)


class Rate(NamedTuple):
    """Requests a second of all senders together, on average and at once."""

    average: int
    burst: int


#: Description of the API, for everybody. The function that answers could read tasks, but knows no caller here.
OPEN_ROUTES: Final = {
    ("GET", "/openapi.json"): Rate(5, 10),
    ("GET", "/docs"): Rate(5, 10),
}
#: Console, for everybody. A browser loads all files at once, and then keeps them.
CONSOLE_ROUTES: Final = {
    ("GET", "/console"): Rate(5, 10),
    ("GET", "/console/{file+}"): Rate(50, 200),
}
#: Size of responses that API Gateway compresses for those who accept it.
COMPRESSED_FROM: Final = Size.kibibytes(1)


class HttpApi(Construct):
    """API whose routes require a key, except those of its description and of the console.

    `api` is the REST API, `url` its address without a slash at the end.

    Args:
        functions: Function of each name in ROUTES.
        authorizer: Function that identifies callers by their key.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        functions: Mapping[str, TaskFunction],
        authorizer: TaskFunction,
        environment: Environment,
    ) -> None:
        super().__init__(scope, id_)
        access_logs = RetainedLogGroup(self, "AccessLogs", environment=environment)
        open_routes = {**OPEN_ROUTES, **(CONSOLE_ROUTES if environment.console else {})}
        self.api = aws_apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"{Stack.of(self).stack_name}-Http",
            description="Submit, read and cancel tasks of Darkroom",
            endpoint_types=[aws_apigateway.EndpointType.REGIONAL],
            # API Gateway would replace the bytes of pictures in a form, as it takes other bodies for text.
            binary_media_types=[MULTIPART],
            min_compression_size=COMPRESSED_FROM,
            # The key comes in one of two headers, and the authorizer returns it to API Gateway.
            api_key_source_type=aws_apigateway.ApiKeySourceType.AUTHORIZER,
            # An account has one such role for all its APIs. The last deployment sets it, and CDK retains it, so that
            # removing one environment does not stop the logs of the others.
            cloud_watch_role=True,
            deploy_options=aws_apigateway.StageOptions(
                stage_name=STAGE,
                # The stage has no limit, because requests without a key would use it up for those with one. The
                # usage plan limits each key, and the firewall each address. Open routes have their own limits.
                method_options={
                    f"{path}/{method}": aws_apigateway.MethodDeploymentOptions(
                        logging_level=aws_apigateway.MethodLoggingLevel.ERROR,
                        throttling_rate_limit=rate.average,
                        throttling_burst_limit=rate.burst,
                    )
                    for (method, path), rate in open_routes.items()
                },
                logging_level=aws_apigateway.MethodLoggingLevel.ERROR,
                tracing_enabled=environment.tracing,
                access_log_destination=aws_apigateway.LogGroupLogDestination(access_logs),
                access_log_format=_access_log_format(),
            ),
        )
        # Otherwise API Gateway creates this group itself, and keeps its entries for ever.
        execution_logs = RetainedLogGroup(
            self,
            "ExecutionLogs",
            environment=environment,
            name=f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{STAGE}",
        )
        self.api.deployment_stage.node.add_dependency(execution_logs)
        # Remove CDK's output of the address, which has a generated name; ours is HttpUrl.
        self.api.node.try_remove_child("Endpoint")
        per_address = environment.throttling.requests_per_address
        self._suppress_findings(firewall=per_address is not None)
        self._add_gateway_errors(is_readable=bool(environment.cors))
        if per_address:
            Firewall(
                self,
                "Firewall",
                stage=self.api.deployment_stage,
                requests_per_address=per_address,
                allows_preflights=bool(environment.cors),
            )
        header = environment.api_key_header
        request_authorizer = aws_apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=authorizer,
            # The answer is kept only where the key is in one header. Otherwise one header could be the cache's key, and
            # the other one the caller's. The function caches the secrets itself.
            identity_sources=[aws_apigateway.IdentitySource.header(header)] if header else [],
            results_cache_ttl=Duration.seconds(ANSWER_MAX_AGE_SECONDS if header else 0),
        )
        integrations = {
            name: aws_apigateway.LambdaIntegration(function, allow_test_invoke=False)
            for name, function in functions.items()
        }
        for method, path, function in ROUTES:
            self.api.root.resource_for_path(path).add_method(
                method, integrations[function], authorizer=request_authorizer, api_key_required=True
            )
        for method, path in open_routes:
            reason = "The description of the API and the console hold no data, and calls are throttled"
            self._add_open_method(method, path, integrations[READ], reason)
        if environment.cors:
            self._answer_preflights(integrations)
        self.url = Fn.join(
            "",
            [
                f"https://{self.api.rest_api_id}.execute-api.{Stack.of(self).region}.{Stack.of(self).url_suffix}",
                f"/{self.api.deployment_stage.stage_name}",
            ],
        )

    def _answer_preflights(self, integrations: Mapping[str, aws_apigateway.Integration]) -> None:
        """Let browsers ask the function of each path which pages may call it. A browser sends no key with that."""
        for path, function in {path: function for _, path, function in ROUTES}.items():
            reason = "A browser sends no key with a preflight, whose answer names the allowed origins and nothing else"
            self._add_open_method("OPTIONS", path, integrations[function], reason)

    def _add_open_method(self, method: str, path: str, integration: aws_apigateway.Integration, reason: str) -> None:
        """Add a method that needs no key, for this reason."""
        added = self.api.root.resource_for_path(path).add_method(
            method,
            integration,
            authorization_type=aws_apigateway.AuthorizationType.NONE,
            api_key_required=False,
        )
        for finding in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
            suppress(added, finding, reason)

    def _add_gateway_errors(self, *, is_readable: bool) -> None:
        """Replace API Gateway's own error responses by the error body of the functions.

        API Gateway cannot compare origins. So pages of all origins may read these errors, which hold no data.
        """
        for name, error in GATEWAY_ERRORS.items():
            readable = {"Access-Control-Allow-Origin": "'*'", "Access-Control-Expose-Headers": "'*'"}
            headers = readable if is_readable else {}
            if error.retry_after_seconds:
                headers["Retry-After"] = f"'{error.retry_after_seconds}'"
            if not error.may_repeat:
                headers["x-should-retry"] = "'false'"
            # The two defaults cover many errors, each with its own status.
            status = None if name.startswith("DEFAULT_") else str(error.status)
            self.api.add_gateway_response(
                name.title().replace("_", ""),
                type=aws_apigateway.ResponseType.of(name),
                status_code=status,
                response_headers=headers or None,
                templates={"application/json": error.body()},
            )

    def _suppress_findings(self, *, firewall: bool) -> None:
        suppress(
            self.api,
            "AwsSolutions-APIG2",
            "The functions check requests and name every broken field at once; API Gateway would name the first only",
        )
        if not firewall:
            suppress(
                self.api,
                "AwsSolutions-APIG3",
                "Callers are applications with a key each, counted and throttled by it; a web ACL costs more than the"
                " whole API at rest, and throttling.requestsPerAddress adds one",
            )
        suppress(
            self.api,
            "AwsSolutions-COG4",
            "Callers are applications, not users in a pool; the authorizer checks their keys",
        )
        suppress_managed_policies(
            self.api,
            ["service-role/AmazonAPIGatewayPushToCloudWatchLogs"],
            "API Gateway requires exactly this policy of the role with which it writes its logs",
        )


def _access_log_format() -> aws_apigateway.AccessLogFormat:
    fields = {
        "requestId": "$context.requestId",
        "time": "$context.requestTimeEpoch",
        "ip": "$context.identity.sourceIp",
        "key": "$context.authorizer.principalId",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "latencyMilliseconds": "$context.responseLatency",
        "responseBytes": "$context.responseLength",
        "error": "$context.error.responseType",
    }
    pairs = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
    return aws_apigateway.AccessLogFormat.custom("{" + pairs + "}")
