"""A first deployment that fails at each of its stacks in turn, repeated by the same command."""

from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.deployment.emulated_account import ACCOUNT, PROJECT, REGION, emulated_account

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment"), pytest.mark.timeout(900)]

#: Type of a resource that fails, by the first stack that has one.
FAILING: Final = {
    "Storage": "AWS::DynamoDB::Table",
    "Messaging": "AWS::Lambda::EventSourceMapping",
    "Api": "AWS::ApiGateway::UsagePlan",
    "Monitoring": "AWS::CloudWatch::Dashboard",
}


def test_a_first_deployment_that_fails_at_any_stack_is_repeated_by_the_same_command(tmp_path: Path) -> None:
    document = yaml.safe_load((PROJECT / "environments" / "dev.yaml").read_text())
    file, assembly = tmp_path / "environment.yaml", str(tmp_path / "assembly")
    file.write_text(yaml.safe_dump(document | {"name": "again", "removalPolicy": "retain"}))
    command = ("deploy", "--app", assembly, "--all", "--require-approval", "never")
    with emulated_account(tmp_path, failing=FAILING.values()) as account:
        account.cdk("synth", "--quiet", "--output", assembly, "--context", f"environment={file}")
        account.cdk("bootstrap", "--app", assembly, f"aws://{ACCOUNT}/{REGION}")
        cloudformation = account.client("cloudformation")
        for name in FAILING:
            stack = f"Darkroom-again-{name}"
            assert "the quota is used up" in account.cdk(*command, fails=True)
            (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            assert described["StackStatus"] == "ROLLBACK_COMPLETE"
            if described["EnableTerminationProtection"]:
                # The one stack with the state needs the command that the doctor prints.
                assert name == "Storage"
                assert "TerminationProtection" in account.cdk(*command, fails=True)
                cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        account.cdk(*command)
        stacks = {item["StackName"]: item for item in cloudformation.describe_stacks()["Stacks"]}
        for name in FAILING:
            assert stacks[f"Darkroom-again-{name}"]["StackStatus"] == "CREATE_COMPLETE"
        assert stacks["Darkroom-again-Storage"]["EnableTerminationProtection"]
