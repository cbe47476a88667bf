"""Resource types of the local system, in three tables. A type that they lack is refused."""

from collections.abc import Callable, Mapping
from typing import Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.properties import Properties
from local.cloudformation.stack import Created
from local.provisioning import emulated, messaging, storage

Creator = Callable[[LocalAwsClients, Properties], Created]

#: Made on the moto server. All properties must be applied or ignored by the creator.
MADE: Final[Mapping[str, Creator]] = {
    "AWS::DynamoDB::Table": storage.create_table,
    "AWS::KMS::Key": messaging.create_key,
    "AWS::S3::Bucket": storage.create_bucket,
    "AWS::SNS::Subscription": messaging.create_subscription,
    "AWS::SNS::Topic": messaging.create_topic,
    "AWS::SQS::Queue": messaging.create_queue,
    "AWS::SecretsManager::Secret": storage.create_secret,
}

#: Emulated by local/lambda_runtime, local/api_gateway and local/event_sources, which read the properties.
EMULATED: Final[Mapping[str, Creator]] = {
    "AWS::ApiGateway::ApiKey": emulated.emulate_by_id,
    "AWS::ApiGateway::Authorizer": emulated.emulate_by_id,
    "AWS::ApiGateway::GatewayResponse": emulated.emulate_by_id,
    "AWS::ApiGateway::Method": emulated.emulate_by_id,
    "AWS::ApiGateway::Resource": emulated.emulate_by_id,
    "AWS::ApiGateway::RestApi": emulated.emulate_rest_api,
    "AWS::ApiGateway::Stage": emulated.emulate_stage,
    "AWS::ApiGateway::UsagePlan": emulated.emulate_by_id,
    "AWS::ApiGateway::UsagePlanKey": emulated.emulate_by_id,
    "AWS::Events::Rule": emulated.emulate_rule,
    "AWS::Lambda::EventSourceMapping": emulated.emulate_by_id,
    "AWS::Lambda::Function": emulated.emulate_function,
    "AWS::Lambda::Url": emulated.emulate_function_url,
    "AWS::SSM::Parameter": emulated.emulate_parameter,
}

#: Needs nothing here, for the reason given.
NOT_NEEDED: Final[Mapping[str, str]] = {
    "AWS::ApiGateway::Account": "there is no CloudWatch to which API Gateway could write its logs",
    "AWS::ApiGateway::Deployment": "the gateway serves the template as it is; there is one version of it",
    "AWS::CloudWatch::Alarm": "there are no metrics: the functions write them into their logs",
    "AWS::CloudWatch::Dashboard": "there are no metrics: the functions write them into their logs",
    "AWS::IAM::Policy": "moto checks no permissions",
    "AWS::IAM::Role": "moto checks no permissions",
    "AWS::Lambda::Permission": "the local system calls its functions itself",
    "AWS::Logs::LogGroup": "logs go to files in the state folder",
    "AWS::Logs::QueryDefinition": "logs go to files in the state folder",
    "AWS::S3::BucketPolicy": "moto checks no permissions",
    "AWS::SNS::TopicPolicy": "moto checks no permissions",
    "AWS::SQS::QueuePolicy": "moto checks no permissions",
    "AWS::SecretsManager::ResourcePolicy": "moto checks no permissions",
    "AWS::WAFv2::WebACL": "all requests come from this machine, and the authorizer refuses those without a key",
    "AWS::WAFv2::WebACLAssociation": "all requests come from this machine",
    "Custom::S3AutoDeleteObjects": "all data ends with the run",
}
