"""Stack of the contract tests: queues, topic, table, bucket, HTTP API and function URL with their functions."""

from typing import Any, Final

from tests.emulators.contract_functions import KEY_SUFFIX, POLICIES

STACK_NAME: Final = "Contract"
STAGE: Final = "api"
#: Seconds that a received message stays invisible. A function on a busy machine needs less.
VISIBILITY_SECONDS: Final = 5
MAX_RECEIVE_COUNT: Final = 2
#: The most repetitions of a batch of stream records.
STREAM_RETRIES: Final = 1
#: Methods that need a key, and those that everyone may call.
METHODS: Final = {"/tasks/{id}": "ANY", "/picture": "POST", "/slow": "GET"}
OPEN_METHODS: Final = {"/preflight": "OPTIONS"}
#: The one path whose function is too slow for its integration. All others have time on a busy machine.
SHORT_TIMEOUTS_MS: Final = {"/slow": 500}
LONGEST_TIMEOUT_MS: Final = 29_000
PLANS: Final[dict[str, dict[str, Any]]] = {
    "allowed": {},
    "throttled": {"Throttle": {"RateLimit": 0.001, "BurstLimit": 1}},
    "exhausted": {"Quota": {"Limit": 1, "Period": "DAY"}},
}
#: Error body of the gateway's own response to a throttled request, and its header.
THROTTLED_BODY: Final = '{"error": {"code": "throttled"}}'
Resources = dict[str, Any]


def contract_template(*, events_file: str, code: dict[str, str]) -> dict[str, Any]:
    """Return the template. The functions write the events that they receive to `events_file`."""
    resources = _queues() | _topic() | _storage() | _functions(events_file, code) | _sources() | _api()
    outputs = {
        # The local system receives callbacks of this topic.
        "CompletionTopicArn": _ref("CompletionTopic"),
        "TopicArn": _ref("Topic"),
        "WorkQueueUrl": _ref("WorkQueue"),
        "DeadLetterQueueUrl": _ref("DeadLetterQueue"),
        "DiscardedQueueUrl": _ref("DiscardedQueue"),
        "FilteredQueueUrl": _ref("FilteredQueue"),
        "PlainQueueUrl": _ref("PlainQueue"),
        "TableName": _ref("Table"),
        "BucketName": _ref("Bucket"),
        "RestApiId": _ref("Api"),
        "FunctionUrl": _attribute("RespondUrl", "FunctionUrl"),
    }
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


def api_key(name: str) -> str:
    """Return the value of an API key."""
    return name + KEY_SUFFIX


def _ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def _attribute(logical_id: str, name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, name]}


def _resource(kind: str, **properties: Any) -> Resources:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _queues() -> Resources:
    redrive = {"deadLetterTargetArn": _attribute("DeadLetterQueue", "Arn"), "maxReceiveCount": MAX_RECEIVE_COUNT}
    names = ("DeadLetterQueue", "DiscardedQueue", "FilteredQueue", "PlainQueue")
    plain = {name: _resource("SQS::Queue") for name in names}
    return plain | {"WorkQueue": _resource("SQS::Queue", RedrivePolicy=redrive, VisibilityTimeout=VISIBILITY_SECONDS)}


def _topic() -> Resources:
    policy = {"runtime": ["one", "two"], "priority": ["normal"]}
    filtered = {"RawMessageDelivery": True, "FilterPolicy": policy}
    subscriptions = {
        f"{queue}Subscription": _resource(
            "SNS::Subscription",
            TopicArn=_ref("Topic"),
            Protocol="sqs",
            Endpoint=_attribute(queue, "Arn"),
            **properties,
        )
        for queue, properties in (("FilteredQueue", filtered), ("PlainQueue", {}))
    }
    return {"Topic": _resource("SNS::Topic"), "CompletionTopic": _resource("SNS::Topic"), **subscriptions}


def _storage() -> Resources:
    table = _resource(
        "DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-owner",
                "KeySchema": [
                    {"AttributeName": "owner", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return {"Table": table, "Bucket": _resource("S3::Bucket")}


def _functions(events_file: str, code: dict[str, str]) -> Resources:
    role = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    functions = {
        name.title(): _resource(
            "Lambda::Function",
            Runtime="python3.13",
            Handler=f"contract_functions.{name}",
            Timeout=10,
            Code=code,
            Role=_attribute("Role", "Arn"),
            Environment={"Variables": {"EVENTS_FILE": events_file}},
        )
        for name in ("record", "respond", "authorize")
    }
    url = _resource("Lambda::Url", AuthType="NONE", TargetFunctionArn=_attribute("Respond", "Arn"))
    return {"Role": _resource("IAM::Role", AssumeRolePolicyDocument=role), "RespondUrl": url, **functions}


def _sources() -> Resources:
    common = {"FunctionName": _ref("Record"), "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    pattern = '{"dynamodb": {"NewImage": {"status": {"S": ["COMPLETED"]}}}}'
    return {
        "QueueMapping": _resource(
            "Lambda::EventSourceMapping", EventSourceArn=_attribute("WorkQueue", "Arn"), BatchSize=10, **common
        ),
        "StreamMapping": _resource(
            "Lambda::EventSourceMapping",
            EventSourceArn=_attribute("Table", "StreamArn"),
            StartingPosition="TRIM_HORIZON",
            BatchSize=100,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=STREAM_RETRIES,
            FilterCriteria={"Filters": [{"Pattern": pattern}]},
            DestinationConfig={"OnFailure": {"Destination": _attribute("DiscardedQueue", "Arn")}},
            **common,
        ),
    }


def _invocation(function: str) -> dict[str, Any]:
    prefix = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    return {"Fn::Sub": f"{prefix}${{{function}.Arn}}/invocations"}


def _api() -> Resources:
    api = {"RestApiId": _ref("Api")}
    resources: Resources = {
        "Api": _resource(
            "ApiGateway::RestApi", Name="contract", ApiKeySourceType="AUTHORIZER", BinaryMediaTypes=["image/png"]
        ),
        "Authorizer": _resource(
            "ApiGateway::Authorizer",
            Name="contract",
            Type="REQUEST",
            AuthorizerUri=_invocation("Authorize"),
            AuthorizerResultTtlInSeconds=0,
            **api,
        ),
        "Throttled": _resource(
            "ApiGateway::GatewayResponse",
            ResponseType="THROTTLED",
            ResponseParameters={"gatewayresponse.header.Retry-After": "'7'"},
            ResponseTemplates={"application/json": THROTTLED_BODY},
            **api,
        ),
        "Stage": _resource("ApiGateway::Stage", StageName=STAGE, DeploymentId=_ref("Deployment"), **api),
    }
    for path, http_method in (METHODS | OPEN_METHODS).items():
        resources |= _method(path, http_method, is_open=path in OPEN_METHODS)
    methods = [name for name, resource in resources.items() if resource["Type"] == "AWS::ApiGateway::Method"]
    resources["Deployment"] = _resource("ApiGateway::Deployment", **api) | {"DependsOn": methods}
    for name in POLICIES.keys() & PLANS.keys():
        resources |= _key(name, PLANS[name])
    return resources


def _method(path: str, http_method: str, *, is_open: bool) -> Resources:
    found: Resources = {}
    parent: dict[str, Any] = _attribute("Api", "RootResourceId")
    name = ""
    for part in path.strip("/").split("/"):
        name += "".join(character for character in part.title() if character.isalnum())
        resource = _resource("ApiGateway::Resource", RestApiId=_ref("Api"), ParentId=parent, PathPart=part)
        found[f"{name}Resource"] = resource
        parent = _ref(f"{name}Resource")
    authorization = {"AuthorizationType": "CUSTOM", "AuthorizerId": _ref("Authorizer"), "ApiKeyRequired": True}
    found[f"{name}Method"] = _resource(
        "ApiGateway::Method",
        RestApiId=_ref("Api"),
        ResourceId=parent,
        HttpMethod=http_method,
        Integration={
            "Type": "AWS_PROXY",
            "IntegrationHttpMethod": "POST",
            "Uri": _invocation("Respond"),
            "TimeoutInMillis": SHORT_TIMEOUTS_MS.get(path, LONGEST_TIMEOUT_MS),
        },
        **({"AuthorizationType": "NONE", "ApiKeyRequired": False} if is_open else authorization),
    )
    return found


def _key(name: str, limits: dict[str, Any]) -> Resources:
    title = name.title()
    stages = [{"ApiId": _ref("Api"), "Stage": _ref("Stage")}]
    return {
        f"{title}Key": _resource("ApiGateway::ApiKey", Value=api_key(name), Enabled=True),
        f"{title}Plan": _resource("ApiGateway::UsagePlan", ApiStages=stages, **limits),
        f"{title}PlanKey": _resource(
            "ApiGateway::UsagePlanKey", KeyId=_ref(f"{title}Key"), KeyType="API_KEY", UsagePlanId=_ref(f"{title}Plan")
        ),
    }
