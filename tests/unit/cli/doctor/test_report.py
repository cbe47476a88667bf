"""The command `darkroom doctor`: which checks it runs, and what it reports of them."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cli.doctor import report
from cli.doctor.runner import CHECKS
from cli.environment import SystemEndpoints
from cli.main import main
from cli.session import Session
from tests.harness.documented_code import PROJECT
from tests.unit.cli.doctor.examined import IDENTITY, NOT_DEPLOYED, fails
from tests.unit.cli.doctor.recorded_aws import RecordedAws


def test_the_documents_list_the_checks_in_their_order() -> None:
    page = (PROJECT / "docs/how-to/doctor.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([\w ]+) \| ", page, re.MULTILINE)
    assert listed == ["check", "file", "credentials", *(check.name for check in CHECKS), "smoke test"]


def test_the_command_tells_all_and_fails_on_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prod.yaml"
    file.write_text("name: prod\nruntimes: [{name: sdruntime, type: sdwebui, modelFilename: sd15.safetensors}]\n")
    aws = RecordedAws(
        {
            "sts.GetCallerIdentity": IDENTITY,
            "ssm.GetParameter": fails("ParameterNotFound"),
            "lambda.GetAccountSettings": {
                "AccountLimit": {"UnreservedConcurrentExecutions": 1000, "ConcurrentExecutions": 1000}
            },
            "cloudformation.DescribeStacks": NOT_DEPLOYED,
        }
    )
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file), "--json"])

    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert printed.keys() == {"credentials", *(check.name for check in CHECKS)}
    assert printed["bootstrap"][0]["level"] == "problem"
    assert "1 problem found" in result.stderr


def test_offline_the_file_is_examined_without_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("AWS was asked")

    monkeypatch.setattr(report, "_clients", refuse)
    result = CliRunner().invoke(main, ["doctor", "--environment", "dev", "--offline", "--json"])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["file"] == [{"level": "ok", "message": "environment dev: the file has no mistake", "advice": ""}]
    assert printed.keys() == {"file", *(check.name for check in CHECKS if check.is_offline)}
    assert "no alarm reaches anyone" in printed["people"][0]["message"]


def test_two_kinds_of_an_examination_exclude_each_other() -> None:
    result = CliRunner().invoke(main, ["doctor", "--environment", "dev", "--offline", "--before-destroy"])
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_the_local_system_is_not_removed_by_cdk() -> None:
    result = CliRunner().invoke(main, ["doctor", "--environment", "local", "--before-destroy"])
    assert result.exit_code == 2
    assert "ends with Ctrl-C" in result.stderr


@pytest.mark.parametrize("options", [[], ["--smoke"], ["--before-destroy"]])
def test_an_address_alone_is_not_examined(options: list[str]) -> None:
    """A task of the local system's runtimes was sent to the address, without --smoke."""
    variables = {"DARKROOM_URL": "http://127.0.0.1:1", "DARKROOM_API_KEY": "k"}
    result = CliRunner().invoke(main, ["doctor", *options], env=variables)
    assert result.exit_code == 2
    assert "the doctor needs AWS rights" in result.stderr
    assert CliRunner().invoke(main, ["doctor", "--environment", "dev", "--offline"], env=variables).exit_code == 0


def test_a_smoke_test_without_the_right_to_list_the_bucket_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prod.yaml"
    file.write_text("name: prod\nruntimes: [{name: dynamic, type: sdwebui, dynamicModel: true}]\n")
    aws = RecordedAws({"sts.GetCallerIdentity": IDENTITY, "s3.ListObjectsV2": fails("AccessDenied")})
    endpoints = SimpleNamespace(http_url="http://127.0.0.1:1", api_key="k", model_bucket="m", client=aws.client)
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)
    monkeypatch.setattr(report, "CHECKS", ())
    monkeypatch.setattr(Session, "environment", lambda _: endpoints)

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file), "--smoke", "--json"])

    assert result.exit_code == 0
    (finding,) = json.loads(result.stdout)["smoke test"]
    assert (finding["level"], finding["advice"]) == ("unknown", "use credentials that may read it")


def test_a_smoke_test_without_a_deployment_keeps_the_findings_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prod.yaml"
    file.write_text("name: prod\nruntimes: [{name: sdruntime, type: sdwebui, modelFilename: sd15.safetensors}]\n")
    aws = RecordedAws({"sts.GetCallerIdentity": IDENTITY, "cloudformation.DescribeStacks": NOT_DEPLOYED})
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)
    monkeypatch.setattr(report, "CHECKS", ())
    monkeypatch.setattr(SystemEndpoints, "client", lambda _, service: aws.client(service))

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file), "--smoke", "--json"])

    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert printed["credentials"][0]["level"] == "ok"
    (finding,) = printed["smoke test"]
    assert finding["level"] == "problem"
    assert "cdk deploy -c environment=prod" in finding["message"]


def test_nothing_is_asked_with_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = RecordedAws({"sts.GetCallerIdentity": fails("InvalidClientTokenId", "not of arn:aws:x:secret:hub")})
    monkeypatch.setattr(report, "_clients", lambda *_: aws.client)

    result = CliRunner().invoke(main, ["doctor", "--environment", "prod"])

    assert result.exit_code == 1
    assert len(aws.calls) == 1
    # `:secret:` in an ARN is not the name of a symbol.
    assert "arn:aws:x:secret:hub" in result.output


def test_a_wrong_environment_is_told_by_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\nruntimes: [{name: a, type: sdwebui, instanceTypes: [m5.large]}]\n")

    result = CliRunner().invoke(main, ["doctor", "--environment", str(file)])

    assert result.exit_code == 3
    assert "runtimes[0].instanceTypes[0]" in result.stderr
