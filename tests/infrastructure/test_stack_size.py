import pytest
from aws_cdk import App, CfnResource, Stack

from stacks.stack_size import TooManyRuntimes, synthesize


def test_a_stack_with_too_many_resources_is_refused_with_a_remedy() -> None:
    application = App(analytics_reporting=False)
    stack = Stack(application, "Large")
    for number in range(501):
        CfnResource(stack, f"Topic{number}", type="AWS::SNS::Topic")

    with pytest.raises(TooManyRuntimes, match=r"stack Large needs 501 .* allows 500: move .* to a second environment"):
        synthesize(application, runtimes=80)
