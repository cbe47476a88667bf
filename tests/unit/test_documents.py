"""Agreement of documents and code: configuration page, API description, documented requests."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

import darkroom
from contract.cold_start import COLD_START_PARTS
from contract.option_values import PICTURE_OPTIONS
from contract.output_request import OutputRequest
from contract.script_tables import ALWAYS_ON, SELECTABLE
from contract.task import Metadata, Policy, TaskType
from lambdas.publish_scaling_metrics import scaling_metrics
from local.demo.documented_requests import DOCUMENTS, FORMATS, documented_request
from runtime_image.agent.core.task_result import TaskResult
from stacks.environment_file import read_environment_file
from tests.harness.documented_code import Block, blocks

PROJECT = Path(__file__).parents[2]
#: Parts whose errors reach users.
CODE_FOLDERS = ("contract", "guarded_http", "lambdas", "runtime_image", "task_store")


def test_the_configuration_page_is_current() -> None:
    check = [sys.executable, "docs/generate_configuration.py", "--check"]
    result = subprocess.run(check, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_configuration_page_says_of_every_key_what_it_means_and_which_values_it_has() -> None:
    page = (PROJECT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w.\[\]]+)` \| .* \| (.*) \|$", page, re.MULTILINE))
    assert len(rows) > 100
    assert [key for key, meaning in rows.items() if not meaning] == []
    assert rows["network.nat"].endswith("One of `one`, `perZone`")
    assert "Any of `sqs`, `ecr`" in rows["network.interfaceEndpoints"]
    assert rows["apiKeyHeader"].endswith("One of `x-api-key`, `authorization`")
    assert rows["runtimes[].disk.iops"].endswith("3,000 to 16,000")
    assert rows["runtimes[].limits.width"].endswith("64 at least")


def test_the_description_of_the_api_is_current() -> None:
    check = [sys.executable, "-m", "docs.openapi", "--check"]
    result = subprocess.run(check, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_description_of_the_api_is_openapi() -> None:
    described = json.loads((PROJECT / "docs" / "reference" / "openapi.json").read_text())
    OpenAPIV31SpecValidator(described).validate()


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("format_", FORMATS)
def test_every_documented_request_can_be_read(document: str, format_: str) -> None:
    request = documented_request(document, format_)
    assert ("task" in request) == (format_ == "v1alpha2")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_in_the_documents_is_json(block: Block) -> None:
    json.loads(block.text)


def test_every_block_names_its_language() -> None:
    assert not [str(block) for block in blocks("", "sh", "shell", "console")]


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if "runtimes:" in block.text], ids=str)
def test_an_environment_of_the_documents_is_right(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "environment.yaml"
    path.write_text(block.text)
    read_environment_file(path)


def test_a_document_without_the_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no request of format v3"):
        documented_request("text-to-image", "v3")


def test_the_tasks_page_lists_every_option_and_script() -> None:
    page = (PROJECT / "docs/reference/tasks.md").read_text(encoding="utf-8")
    for heading, names in (("Options", PICTURE_OPTIONS), ("Scripts", {**SELECTABLE, **ALWAYS_ON})):
        section = page.partition(f"### {heading}\n")[2].partition("\n#")[0]
        assert set(names) <= set(re.findall(r"`([^`]+)`", section))


def test_troubleshooting_names_every_error_code() -> None:
    page = (PROJECT / "docs/how-to/troubleshooting.md").read_text(encoding="utf-8").partition("\n## Error codes\n")[2]
    of_a_request, _, of_a_task = page.partition("\n### Of a task\n")
    named, of_tasks = (set(re.findall(r"`(\w+)`", part)) for part in (of_a_request + of_a_task, of_a_task))
    codes = {code for folder in CODE_FOLDERS for code in error_codes(folder)}
    assert len(codes) > 60
    assert codes - named == set()
    assert {*error_codes("guarded_http"), *error_codes("runtime_image")} - of_tasks == set()


def error_codes(folder: str) -> Iterator[str]:
    """Yield the codes of the errors in a part's code."""
    for path in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Assign(targets=[ast.Name(id="code" | "_CODE")], value=ast.Constant(value=str(code))):
                    yield code
                case ast.AnnAssign(target=ast.Name(id="code" | "_CODE"), value=ast.Constant(value=str(code))):
                    yield code
                case ast.Call(func=ast.Name(id="FieldError"), args=[_, _, ast.Constant(value=str(code))]):
                    yield code
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    yield code
                case ast.Dict(keys=[ast.Constant(value="code"), *_], values=[ast.Constant(value=str(code)), *_]):
                    yield code


def test_the_operations_page_names_every_metric() -> None:
    sources = (PROJECT / "lambdas").rglob("*.py")
    counts = {name for path in sources for name in re.findall(r'\bcount\(\s*"(\w+)"', path.read_text())}
    assert len(counts) > 10
    telemetry = (PROJECT / "runtime_image/agent/telemetry").glob("*.py")
    of_agents = {
        name for path in telemetry for name in re.findall(r'^ +"([A-Z]\w+)": ', path.read_text(), re.MULTILINE)
    }
    assert {"FetchSeconds", "ReadyReplicas"} <= of_agents
    results = {f"Tasks{result.value}" for result in TaskResult}
    of_queues = {scaling_metrics.MESSAGES_WAITING, scaling_metrics.MESSAGES_IN_FLIGHT}
    of_fleets = {scaling_metrics.REPLICAS_DESIRED, scaling_metrics.REPLICAS_RUNNING, scaling_metrics.NODES}
    metrics = {*counts, *of_agents, *results, *of_queues, *of_fleets, *(part.metric for part in COLD_START_PARTS)}
    page = (PROJECT / "docs/how-to/operations.md").read_text(encoding="utf-8")
    assert metrics - set(re.findall(r"`(\w+)`", page)) == set()


@pytest.mark.parametrize(
    ("model", "page", "heading"),
    [
        (Metadata, "reference/tasks.md", "## Metadata"),
        (Policy, "reference/tasks.md", "### Policy"),
        (OutputRequest, "how-to/outputs.md", "# Outputs as you want them"),
    ],
)
def test_a_table_lists_every_field(model: type[BaseModel], page: str, heading: str) -> None:
    section = (PROJECT / "docs" / page).read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert {field.alias or name for name, field in model.model_fields.items()} - listed == set()


def test_the_page_of_the_client_lists_every_method() -> None:
    page = (PROJECT / "docs/how-to/python-client.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(\w+)`", page.partition("\n## All methods\n")[2].partition("\n## ")[0]))
    assert listed == {name for name in dir(darkroom.Client) if not name.startswith("_")} - {"local"}


def test_the_tasks_page_lists_every_type() -> None:
    section = (PROJECT / "docs/reference/tasks.md").read_text(encoding="utf-8").partition("\n## Metadata\n")[2]
    assert {kind.value for kind in TaskType} <= set(re.findall(r"`([^`]+)`", section.partition("\n## ")[0]))


def test_at_most_ten_things_are_left_for_an_account_each_with_a_command() -> None:
    page = (PROJECT / "docs" / "how-to" / "deployment.md").read_text(encoding="utf-8")
    section = page.split("\n## What a first deployment must confirm\n", 1)[1].split("\n## ", 1)[0]
    things = [int(number) for number in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)]
    assert things == list(range(1, len(things) + 1))
    assert 0 < len(things) <= 10
    commands = re.findall(r"# (\d+(?:, \d+)*)", section)
    assert {int(number) for numbers in commands for number in numbers.split(", ")} == set(things)
