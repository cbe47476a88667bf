"""Synthesis as users start it: `python app.py`, and the pinned CDK command line with the bundle that it makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.config.function_target import FunctionTarget
from stacks.nodejs import node_program
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates

PROJECT = Path(__file__).parents[2]
CDK = PROJECT / "node_modules" / "aws-cdk" / "bin" / "cdk"


def environment_without_credentials(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "JSII_"))}
    return kept | {
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def run(*command: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=PROJECT,
        env=environment_without_credentials(home),
        capture_output=True,
        text=True,
        check=False,
    )


#: Synthesis with the pinned command line takes ten seconds of CPU, and the bundle is made of downloaded libraries.
slow = pytest.mark.slow
#: The first test of a module waits for the session's assembly, which takes minutes on a busy machine.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def cdk_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize `local` with the CDK command line and the functions' bundle."""
    assert CDK.exists(), "the CDK command line is missing: run make setup"
    folder = tmp_path_factory.mktemp("assembly")
    result = run(node_program(), CDK, "synth", "-c", "environment=local", "--quiet", "--output", folder, home=folder)
    assert result.returncode == 0, result.stderr
    return folder


@slow
def test_the_pinned_command_line_synthesizes_without_credentials(cdk_assembly: Path, templates_of: TemplatesOf) -> None:
    for file in templates_of("local").files:
        assert json.loads((cdk_assembly / file.name).read_text()) == json.loads(file.read_text())


@slow
def test_the_command_line_looks_nothing_up(cdk_assembly: Path) -> None:
    assert "missing" not in json.loads((cdk_assembly / "manifest.json").read_text())
    assert not (PROJECT / "cdk.context.json").exists()


@pytest.fixture(scope="session")
def bundles(cdk_assembly: Path) -> list[Path]:
    """The bundle of nearly all functions, and that of `mcp_api`."""
    return sorted(
        (path for path in cdk_assembly.glob("asset.*") if path.is_dir()), key=lambda path: (path / "mcp").exists()
    )


@pytest.fixture(scope="session")
def bundle(bundles: list[Path]) -> Path:
    return bundles[0]


@slow
def test_the_bundle_holds_the_functions_and_what_they_import(bundle: Path, ecs: Templates) -> None:
    for function in ecs.resources("AWS::Lambda::Function"):
        module = function.properties["Handler"].rpartition(".")[0]
        assert (bundle / f"{module.replace('.', '/')}.py").exists()
    assert (bundle / "contract" / "record.py").exists()
    assert (bundle / "guarded_http" / "client.py").exists()
    assert (bundle / "task_store" / "repository.py").exists()
    assert (bundle / "docs" / "reference" / "openapi.json").exists()
    assert (bundle / "lambdas" / "http" / "description.html").exists()
    assert (bundle / "console" / "page" / "index.html").exists()
    for library in ("aws_lambda_powertools", "aws_xray_sdk", "httpcore", "pydantic"):
        assert (bundle / library).is_dir()


@slow
def test_a_bundle_is_built_for_the_machine_that_runs_it(bundles: list[Path]) -> None:
    for folder, library in zip(bundles, ("_pydantic_core", "_imaging"), strict=True):
        # Other extensions have no version in their name, because they fit all.
        names = [path.name for path in folder.rglob(f"{library}.*.so")]
        assert names == [f"{library}.cpython-313-aarch64-linux-gnu.so"]


@slow
def test_the_bundle_holds_nothing_else(bundle: Path) -> None:
    names = {path.name for path in bundle.iterdir()}
    assert not names & {"boto3", "botocore", "s3transfer", "stacks", "local", "runtime_image", "tests", "bin"}
    assert not list(bundle.rglob("__pycache__"))
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    assert size < 20 * 1024 * 1024, "Lambda loads it at every cold start"


def test_a_file_outside_the_bundle_does_not_change_its_hash(tmp_path: Path) -> None:
    from stacks.constructs.functions.lambda_bundle import bundle_hash  # noqa: PLC0415  # starts Node, so only when it is needed

    def hash_of_bundle(**target: str) -> str:
        return bundle_hash(tmp_path, FunctionTarget(**target))

    shown = ("docs/reference/openapi.json", "lambdas/http/description.html")
    code = ("contract/task.py", "contract/pipeline/core_nodes.json", "lambdas/notify/handler.py")
    for name in (*code, "lambdas/requirements.txt", *shown):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    before = hash_of_bundle()
    (tmp_path / "README.md").write_text("changed")
    (tmp_path / "lambdas" / "__pycache__").mkdir()
    (tmp_path / "lambdas" / "__pycache__" / "handler.cpython-313.pyc").write_bytes(b"")
    assert hash_of_bundle() == before
    assert hash_of_bundle(architecture="x86_64") != before != hash_of_bundle(python="3.12")
    (tmp_path / "contract" / "task.py").write_text("changed")
    changed = hash_of_bundle()
    assert changed != before
    (tmp_path / "contract" / "task.py").rename(tmp_path / "contract" / "tasks.py")
    assert hash_of_bundle() not in {before, changed}
    for name in shown:
        earlier = hash_of_bundle()
        (tmp_path / name).write_text("changed")
        assert hash_of_bundle() != earlier


@slow
def test_python_alone_synthesizes_an_environment_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nruntimes:\n  - name: sdxl\n    modelFilename: sdxl.safetensors\n")
    output = tmp_path / "output"
    result = run(
        sys.executable, "app.py", "-c", f"environment={file}", "--output", output, "--no-bundle", home=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert {path.name for path in output.glob("*.template.json")} == {
        "Darkroom-mine-Api.template.json",
        "Darkroom-mine-Messaging.template.json",
        "Darkroom-mine-Monitoring.template.json",
        "Darkroom-mine-Storage.template.json",
    }
    assert not list(output.glob("asset.*"))


def test_a_mistake_is_told_in_a_line_without_a_traceback(tmp_path: Path) -> None:
    result = run(sys.executable, "app.py", "-c", "environment=nowhere", home=tmp_path)
    assert result.returncode == 1
    assert "nowhere.yaml: this file does not exist; existing environments: dev, example, local, prod" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("architecture=arm", "--context architecture=arm: Lambda has no such; write any of arm64, x86_64"),
        ("python=3.9", "--context python=3.9: Lambda has no such; write any of 3.11, 3.12, 3.13, 3.14"),
    ],
)
def test_a_target_that_lambda_lacks_is_told_in_a_line(tmp_path: Path, value: str, error: str) -> None:
    result = run(sys.executable, "app.py", "-c", value, home=tmp_path)
    assert (result.returncode, result.stderr.strip()) == (1, error)
