"""The judges that are not ours: cdk-nag and cfn-lint."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.config import Environment
from tests.infrastructure.conftest import ENVIRONMENTS

#: The environment of which cfn-lint reads every template. Of the others it reads what only an engine brings: the rest
#: of theirs is made by the same code, and reading it again takes a minute.
LINTED_WHOLE = ("everything",)
STACKS_OF_ENGINES = ("-Network.template.json", "-Eks.template.json", "-Ecs.template.json")
#: Rules of cfn-lint that do not hold here, and why.
IGNORED_LINT_RULES = {
    # CDK makes a function wait for its role's policy by name, and for the role along with it; harmless.
    "W3005": "dependency already enforced",
    # Zones are named on purpose: whoever writes the environment chooses those that have GPUs, and synthesis shall ask
    # nobody.
    "W3010": "zones are the environment's choice",
}


@pytest.fixture
def nag_findings() -> Callable[[Environment, Path], list[str]]:
    def nag_findings(environment: Environment, folder: Path) -> list[str]:
        from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415  # starts Node, so only when it is needed

        from stacks.application import build_application  # noqa: PLC0415  # see above

        app = build_application(environment, output_directory=folder, bundle_functions=False)
        app.synth()
        report = AwsSolutionsChecks(app).validate_scope(app)
        return [
            f"{violation.rule_name} {resource.construct_path}: {violation.description}"
            for violation in report.violations
            for resource in violation.violating_resources
        ]

    return nag_findings


def test_cdk_nag_finds_nothing_unexplained(templates: Any, nag_findings: Any, tmp_path: Path) -> None:
    assert nag_findings(templates.environment, tmp_path) == []


def test_cdk_nag_is_looking(dev: Any, nag_findings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stacks.constructs.functions import task_function  # noqa: PLC0415  # starts Node, so only when it is needed

    monkeypatch.setattr(task_function, "suppress", lambda *_: None)
    assert any(finding.startswith("AwsSolutions-L1 ") for finding in nag_findings(dev.environment, tmp_path))


def test_a_right_on_a_wildcard_needs_a_reason(tmp_path: Path) -> None:
    from aws_cdk import App, RemovalPolicy, Stack, aws_lambda  # noqa: PLC0415  # starts Node, so only when needed

    from stacks.constructs.functions.task_function import FunctionPlatform, TaskFunction  # noqa: PLC0415  # see above

    stack = Stack(App(outdir=str(tmp_path)), "Stack")
    platform = FunctionPlatform(
        code=aws_lambda.Code.from_inline("pass"),
        environment_name="test",
        log_retention_days=1,
        tracing=False,
        log_level="INFO",
        removal_policy=RemovalPolicy.DESTROY,
    )
    function = TaskFunction(
        stack, "Any", folder="any", description="", timeout_seconds=1, settings={}, platform=platform
    )
    with pytest.raises(ValueError, match="name the resource or the reason"):
        function.allow("s3:GetObject", on=["*"])
    with pytest.raises(ValueError, match="stay below"):
        TaskFunction(stack, "Slow", folder="slow", description="", timeout_seconds=60, settings={}, platform=platform)


@pytest.mark.parametrize("whole", [True, False], ids=["whole environments", "stacks of engines"])
def test_cfn_lint_finds_nothing(whole: bool, templates_of: Callable[[str], Any]) -> None:
    files = [
        str(file)
        for name in ENVIRONMENTS
        if (name in LINTED_WHOLE) == whole
        for file in templates_of(name).files
        if whole or file.name.endswith(STACKS_OF_ENGINES)
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
