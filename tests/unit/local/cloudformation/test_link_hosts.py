from typing import Any

from local.cloudformation.synthesis import set_allowed_link_hosts


def function(**variables: str) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}


def test_a_cached_template_gets_the_hosts_of_this_system() -> None:
    posting, other = function(ALLOWED_LINK_HOSTS='["127.0.0.1:1"]'), function(TASK_TABLE="tasks")
    template = {"Resources": {"Posting": posting, "Other": other, "Queue": {"Type": "AWS::SQS::Queue"}}}

    set_allowed_link_hosts(template, ["127.0.0.1:2"])

    assert posting == function(ALLOWED_LINK_HOSTS='["127.0.0.1:2"]')
    assert other == function(TASK_TABLE="tasks")
