"""The HTTP way in: routes, authorizer, throttling and logs of the REST API."""

from typing import Final

from aws_cdk import Duration, Fn, RemovalPolicy, Stack, aws_apigateway
from constructs import Construct

from stacks.config import Throttling
from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.gateway_answers import add_gateway_answers
from stacks.constructs.log_group import RetainedLogGroup
from stacks.constructs.task_function import TaskFunction

STAGE: Final = "api"
SUBMIT: Final = "submit"
READ: Final = "read"
UPLOAD: Final = "upload"
RUNPOD: Final = "runpod"
WEBUI: Final = "webui"
#: Method and path of each route, and which function answers it.
ROUTES: Final = (
    ("POST", "/v1alpha2", SUBMIT),
    ("POST", "/v1alpha1", SUBMIT),
    ("POST", "/v1alpha2/uploads", UPLOAD),
    ("GET", "/v1alpha2/tasks", READ),
    ("GET", "/v1alpha2/tasks/{id}", READ),
    ("DELETE", "/v1alpha2/tasks/{id}", READ),
    ("POST", "/v1alpha2/tasks/{id}/webhook", READ),
    ("POST", "/v2/{runtime}/run", RUNPOD),
    ("POST", "/v2/{runtime}/runsync", RUNPOD),
    ("GET", "/v2/{runtime}/status/{id}", RUNPOD),
    ("GET", "/v2/{runtime}/stream/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/cancel/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/retry/{id}", RUNPOD),
    ("POST", "/v2/{runtime}/purge-queue", RUNPOD),
    ("GET", "/v2/{runtime}/health", RUNPOD),
    # What the Web UI does not have, or not with this method, is refused in its own words.
    ("GET", "/sdapi/v1/{call}", WEBUI),
    ("POST", "/sdapi/v1/{call}", WEBUI),
    ("GET", "/controlnet/{call}", WEBUI),
    ("GET", "/runtimes/{runtime}/sdapi/v1/{call}", WEBUI),
    ("POST", "/runtimes/{runtime}/sdapi/v1/{call}", WEBUI),
    ("GET", "/runtimes/{runtime}/controlnet/{call}", WEBUI),
)


class HttpApi(Construct):
    """Every route needs a key. `api` is the REST API, `url` its address without a slash at the end."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        submit: TaskFunction,
        read: TaskFunction,
        upload: TaskFunction,
        runpod: TaskFunction,
        webui: TaskFunction,
        authorizer: TaskFunction,
        throttling: Throttling,
        key_count: int,
        tracing: bool,
        log_retention_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id_)
        access_logs = RetainedLogGroup(
            self, "AccessLogs", retention_days=log_retention_days, removal_policy=removal_policy
        )
        self.api = aws_apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"{Stack.of(self).stack_name}-Http",
            description="Submit, read and cancel tasks of Darkroom",
            endpoint_types=[aws_apigateway.EndpointType.REGIONAL],
            # The key comes in two headers, and the authorizer tells API Gateway which one it was.
            api_key_source_type=aws_apigateway.ApiKeySourceType.AUTHORIZER,
            # An account has one such role for all its APIs. Whoever is deployed last sets it, and CDK retains it, so
            # that taking away one environment does not silence the others.
            cloud_watch_role=True,
            deploy_options=aws_apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=throttling.requests_per_second * key_count,
                throttling_burst_limit=throttling.burst * key_count,
                logging_level=aws_apigateway.MethodLoggingLevel.ERROR,
                metrics_enabled=True,
                tracing_enabled=tracing,
                access_log_destination=aws_apigateway.LogGroupLogDestination(access_logs),
                access_log_format=_access_log_format(),
            ),
        )
        # CDK's own output of the address, under a generated name; ours is HttpUrl.
        self.api.node.try_remove_child("Endpoint")
        self._acknowledge_findings()
        add_gateway_answers(self.api)
        request_authorizer = aws_apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=authorizer,
            # Nothing to cache by: the key may stand in either header. The function keeps the secrets in memory.
            identity_sources=[],
            results_cache_ttl=Duration.seconds(0),
        )
        integrations = {
            SUBMIT: aws_apigateway.LambdaIntegration(submit, allow_test_invoke=False),
            READ: aws_apigateway.LambdaIntegration(read, allow_test_invoke=False),
            UPLOAD: aws_apigateway.LambdaIntegration(upload, allow_test_invoke=False),
            RUNPOD: aws_apigateway.LambdaIntegration(runpod, allow_test_invoke=False),
            WEBUI: aws_apigateway.LambdaIntegration(webui, allow_test_invoke=False),
        }
        for method, path, function in ROUTES:
            self.api.root.resource_for_path(path).add_method(
                method, integrations[function], authorizer=request_authorizer, api_key_required=True
            )
        self.url = Fn.join(
            "",
            [
                f"https://{self.api.rest_api_id}.execute-api.{Stack.of(self).region}.{Stack.of(self).url_suffix}",
                f"/{self.api.deployment_stage.stage_name}",
            ],
        )

    def _acknowledge_findings(self) -> None:
        acknowledge(
            self.api,
            "AwsSolutions-APIG2",
            "The functions check requests and name every broken field at once; API Gateway would name the first only",
        )
        acknowledge(
            self.api,
            "AwsSolutions-APIG3",
            "Callers are applications with a key each, counted and throttled by it; a web ACL costs more than the"
            " whole API at rest and can be attached to the stage by whoever wants one",
        )
        acknowledge(
            self.api,
            "AwsSolutions-COG4",
            "Callers are applications, not users in a pool: a key authorizer lets them in",
        )
        acknowledge(
            self.api,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AmazonAPIGatewayPushToCloudWatchLogs]",
            "API Gateway asks for exactly this policy of the role with which it writes its logs",
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
