"""Checks by tools of others: cdk-nag and cfn-lint."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.config.function_target import FunctionTarget
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import ENVIRONMENTS, INNER_ENVIRONMENTS, Templates, read_environment

if TYPE_CHECKING:
    from aws_cdk import App, Stack

    from stacks.constructs.functions.task_function import TaskFunction

#: The environment of which cfn-lint reads every template. Of the others it reads only the stacks of an engine, because
#: the same code creates their other stacks, and reading those again takes a minute.
LINTED_WHOLE = ("everything",)
STACKS_OF_ENGINES = ("-Network.template.json", "-Eks.template.json", "-Ecs.template.json")
#: Rules of cfn-lint that do not apply here, with the reason.
IGNORED_LINT_RULES = {
    # CDK makes a function wait for its role's policy by name, and for the role along with it; harmless.
    "W3005": "dependency already enforced",
    # The author of the environment chooses zones with GPUs, because synthesis looks nothing up.
    "W3010": "zones are the environment's choice",
}


#: Rules that the CDK's own functions break as the CDK creates them, by a part of their paths.
FINDINGS_OF_THE_CDK = {
    "/KubectlProvider": ("AwsSolutions-IAM4[", "AwsSolutions-IAM5[", "AwsSolutions-L1"),
    "/LogRetention": ("AwsSolutions-IAM4[", "AwsSolutions-IAM5["),
}


def nag_findings(app: "App") -> list[str]:
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415  # starts Node, so only when it is needed

    report = AwsSolutionsChecks(app).validate_scope(app)
    return [
        f"{violation.rule_name} {resource.construct_path}: {violation.description}"
        for violation in report.violations
        for resource in violation.violating_resources
        if not any(
            part in str(resource.construct_path) and violation.rule_name.startswith(rules)
            for part, rules in FINDINGS_OF_THE_CDK.items()
        )
    ]


def test_cdk_nag_has_no_finding_without_a_reason(templates: Templates) -> None:
    assert nag_findings(templates.app) == []


@pytest.fixture
def stack(tmp_path: Path) -> "Stack":
    from aws_cdk import App, Stack  # noqa: PLC0415  # starts Node, so only when it is needed

    return Stack(App(outdir=str(tmp_path)), "Stack")


def function_in(stack: "Stack", id_: str = "Any", *, timeout_seconds: int = 1) -> "TaskFunction":
    from aws_cdk import aws_lambda  # noqa: PLC0415  # starts Node, so only when it is needed

    from stacks.constructs.functions.task_function import FunctionPlatform, TaskFunction  # noqa: PLC0415  # see above

    platform = FunctionPlatform(aws_lambda.Code.from_inline("pass"), read_environment("dev"), FunctionTarget())
    return TaskFunction(
        stack, id_, folder="any", description="", timeout_seconds=timeout_seconds, settings={}, platform=platform
    )


def test_cdk_nag_finds_what_is_not_suppressed(stack: "Stack", monkeypatch: pytest.MonkeyPatch) -> None:
    from aws_cdk import App  # noqa: PLC0415  # starts Node, so only when it is needed

    from stacks.constructs.functions import task_function  # noqa: PLC0415  # see above

    monkeypatch.setattr(task_function, "suppress", lambda *_: None)
    function_in(stack)
    app = stack.node.root
    assert isinstance(app, App)
    app.synth()
    assert any(finding.startswith("AwsSolutions-L1 ") for finding in nag_findings(app))


def test_a_permission_on_a_wildcard_needs_a_reason(stack: "Stack") -> None:
    function = function_in(stack)
    with pytest.raises(ValueError, match="name the resource or the reason"):
        function.allow("s3:GetObject", on=["*"])
    with pytest.raises(ValueError, match="stay below"):
        function_in(stack, "Slow", timeout_seconds=60)


#: cfn-lint reads 30 large templates, which takes minutes on a busy machine.
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "names", [INNER_ENVIRONMENTS, pytest.param(ENVIRONMENTS, marks=pytest.mark.slow)], ids=["inner", "all"]
)
def test_cfn_lint_finds_nothing(names: tuple[str, ...], templates_of: TemplatesOf) -> None:
    files = [
        str(file)
        for name in names
        for file in templates_of(name).files
        if name in LINTED_WHOLE or file.name.endswith(STACKS_OF_ENGINES)
    ]
    assert len(files) > len(LINTED_WHOLE)
    program = str(Path(sys.executable).with_name("cfn-lint"))
    command = [program, "--format", "json", "--ignore-checks", *IGNORED_LINT_RULES, "--", *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    findings = [
        f"{Path(finding['Filename']).name}: {finding['Rule']['Id']} {finding['Message']}"
        for finding in json.loads(result.stdout or "[]")
    ]
    assert findings == [], result.stderr
    assert result.returncode == 0, result.stderr
