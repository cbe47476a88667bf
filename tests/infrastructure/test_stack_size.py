import re
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Stack

from stacks.stack_size import EnvironmentTooLarge, synthesize
from tests.harness.documented_code import PROJECT
from tests.infrastructure.templates import Templates, read_environment

ENVIRONMENT = read_environment("everything")


def test_a_stack_with_too_many_resources_is_refused_with_a_remedy() -> None:
    application = App(analytics_reporting=False)
    stack = Stack(application, "Large")
    for number in range(501):
        CfnResource(stack, f"Topic{number}", type="AWS::SNS::Topic")

    with pytest.raises(EnvironmentTooLarge) as refused:
        synthesize(application, environment=ENVIRONMENT)
    assert str(refused.value) == (
        "the stack Large needs 501 resources, and CloudFormation allows 500: "
        f"apiKeys has {len(ENVIRONMENT.api_keys)} entries, publishers {len(ENVIRONMENT.publishers)} and runtimes"
        f" {len(ENVIRONMENT.runtimes)}; move some of them to a second environment"
    )


def test_a_template_that_is_too_long_is_refused_with_a_remedy() -> None:
    application = App(analytics_reporting=False)
    CfnResource(Stack(application, "Long"), "Topic", type="AWS::SNS::Topic", properties={"Name": "x" * 1_000_000})

    with pytest.raises(
        EnvironmentTooLarge, match=r"the template of the stack Long has \d+ bytes, .* allows 1000000: api"
    ):
        synthesize(application, environment=ENVIRONMENT)


def test_the_documents_say_how_many_resources_the_api_has(ecs: Templates) -> None:
    page = (PROJECT / "docs/how-to/deployment.md").read_text(encoding="utf-8")
    (number,) = re.findall(r"`Api`, of (\d+) resources", page)
    assert int(number) == round(len(ecs.stacks["Api"]["Resources"]), -2)


def application_with(variables: dict[str, Any]) -> App:
    application = App(analytics_reporting=False)
    properties = {"Environment": {"Variables": variables}}
    CfnResource(Stack(application, "Api"), "Authorize", type="AWS::Lambda::Function", properties=properties)
    return application


@pytest.mark.parametrize("size", [4096, 4097])
def test_a_function_with_too_many_variables_is_refused_with_a_remedy(size: int) -> None:
    references = [{"Fn::GetAtt": [f"Key{number}", "Arn"]} for number in range(36)]
    pieces = [*references, "x" * (size - len("ARNS") - 36 * 110 - 14 - 37 * len(",")), {"Ref": "AWS::Region"}]
    application = application_with({"ARNS": {"Fn::Join": [",", pieces]}})
    if size == 4096:
        synthesize(application, environment=ENVIRONMENT)
        return
    expected = (
        r"the function Authorize of the stack Api needs 4097 bytes of variables, and Lambda allows 4096: apiKeys has"
        r" .* move some of them to a second environment"
    )
    with pytest.raises(EnvironmentTooLarge, match=expected):
        synthesize(application, environment=ENVIRONMENT)
