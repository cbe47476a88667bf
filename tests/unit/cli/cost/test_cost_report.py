"""The command `darkroom cost`, on resources from memory."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.cost import cost_report, templates
from cli.cost.templates import TemplateResource
from cli.main import main

RESOURCES = [
    TemplateResource("AWS::KMS::Key", {}),
    TemplateResource("AWS::EKS::Cluster", {}),
]
FILE = """
name: mine
engine: eks
region: eu-central-1
network: {zones: [eu-central-1a, eu-central-1b]}
runtimes: [{name: sdxl, dynamicModel: true}, {name: large, modelFilename: a.safetensors, gpuFamilies: [p5]}]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cost_report, "synthesize", lambda _: RESOURCES)
    monkeypatch.delenv("AWS_REGION", raising=False)
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    return path


def cost(file: Path, *options: str, region: str | None = "eu-central-1") -> Result:
    of_region = ["--region", region] if region else []
    return CliRunner().invoke(main, [*of_region, "cost", "--environment", str(file), *options])


def test_the_bill_is_printed_line_by_line_and_says_what_is_unknown(file: Path) -> None:
    output = cost(file, "--tasks-per-day", "50").stdout
    assert "AWS's list prices of 2026-11-29 in US dollars" in output
    assert "EKS clusters" in output
    assert "73.00" in output
    assert "sum of what is known" in output
    assert "74.00" in output
    assert [line.split()[-1] for line in output.splitlines() if "KEDA, of a type" in line] == ["unknown"]


def test_programs_get_one_object(file: Path) -> None:
    printed = json.loads(cost(file, "--tasks-per-day", "50", "--json").stdout)
    assert printed["idle_month_usd"] == 74
    assert printed["unknown"] == ["small instances for KEDA, of a type that EKS chooses"]
    known, unknown = printed["pictures"]
    assert known["basis"] == "g6.xlarge, spot"
    hours, tasks = known["day"]["gpu_hours_paid"], known["day"]["tasks"]
    assert known["day"]["cost_per_thousand_tasks"] == pytest.approx(hours * 0.44 / tasks * 1000, rel=0.01)
    assert (unknown["runtime"], unknown["basis"]) == ("large", None)
    assert unknown["day"]["cost_per_thousand_tasks"] is None
    assert unknown["day"]["gpu_hours_paid"] > 0


def test_the_same_question_has_the_same_answer(file: Path) -> None:
    first, second = (cost(file, "--tasks-per-day", "50", "--json").stdout for _ in range(2))
    assert first == second


def test_a_region_is_required(file: Path) -> None:
    file.write_text("name: mine\nruntimes: [{name: sdxl, dynamicModel: true}]\n")
    result = cost(file, region=None)
    assert result.exit_code == 78
    assert "darkroom --region eu-central-1 cost --environment mine" in result.stderr


def test_the_local_system_has_no_bill() -> None:
    result = CliRunner().invoke(main, ["cost", "--environment", "local"])
    assert result.exit_code == 2
    assert "costs nothing" in result.stderr


def test_a_mistake_in_the_file_is_named(file: Path) -> None:
    file.write_text("name: mine\nruntimes: [{name: a, instanceTypes: [m5.large]}]\n")
    result = cost(file)
    assert result.exit_code == 3
    assert "runtimes[0].instanceTypes[0]" in result.stderr


def test_outside_of_a_checkout_the_command_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(templates, "PROJECT", tmp_path)
    result = CliRunner().invoke(main, ["--region", "eu-central-1", "cost", "--environment", "dev"])
    assert result.exit_code == 3
    assert "clone it, and run there" in result.stderr


def test_the_reason_of_a_failed_synthesis_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('no module named aws_cdk')\n")
    monkeypatch.setattr(templates, "PROJECT", tmp_path)
    result = CliRunner().invoke(main, ["--region", "eu-central-1", "cost", "--environment", "dev"])
    assert result.exit_code == 3
    assert "no module named aws_cdk; `make setup-deploy`" in result.stderr
