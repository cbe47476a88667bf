"""Every exit code of the command line, and the table of them in the help."""

import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from http.server import HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import task_commands
from cli.errors import CommandError
from cli.main import main
from cli.session import CLOSED_PIPE_EXIT_CODE
from tests.harness.local_endpoints import write_local_endpoints
from tests.harness.serving import QuietHandler, serving
from tests.unit.cli.fake_api import FakeApi

DOCUMENT = Path(__file__).parents[3] / "docs" / "how-to" / "command-line.md"
NO_AWS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_REGION": None,
    "AWS_DEFAULT_REGION": None,
    "AWS_PROFILE": None,
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}


#: One command of each kind that talks to a deployed environment.
WITHOUT_REGION = (["list"], ["submit", "--prompt", "a"], ["models", "list"], ["logs"], ["env"])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=NO_AWS)


def test_the_help_lists_the_codes_of_all_errors() -> None:
    table = CliRunner().invoke(main, ["--help"]).output.partition("Exit codes:")[2]
    listed = re.findall(r"^ +(\d+) ", table, re.MULTILINE)
    raised = {error.exit_code for error in descendants(CommandError)}
    assert {int(code) for code in listed} == {0, *raised}


def test_the_documents_list_the_same_codes() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    described = {int(code): meaning.replace("`", "") for code, meaning in rows}
    assert described.pop(CLOSED_PIPE_EXIT_CODE)
    table = CliRunner().invoke(main, ["--help"]).output.partition("Exit codes:")[2]
    assert described == {int(code): text for code, text in re.findall(r"^ +(\d+) +(.+)$", table, re.MULTILINE)}


def descendants(kind: type[CommandError]) -> set[type[CommandError]]:
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize(
    "arguments",
    [
        ["paint"],
        ["list", "--limit", "many"],
        ["logs", "--hours", "-1"],
        ["logs", "--hours", "1e9"],
        ["batch", "list", "--limit", "0"],
        *(
            [*command, "--timeout", "-1"]
            for command in (["status", "a"], ["batch", "status", "a"], ["doctor", "--offline"])
        ),
        ["submit", "nowhere.json"],
        *(["--url", url, "list"] for url in ("http://[x", "ftp://pictures.example", "https://", "http://a:b")),
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_dead_server(tmp_path: Path) -> None:
    write_local_endpoints(tmp_path)
    result = run("--state-dir", str(tmp_path), "list")
    assert (result.exit_code, "http://127.0.0.1:1 does not answer" in result.stderr) == (4, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"region": "us-east-1"}', "has no 'http_url'"),
        ("{", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"http_url": "h", "api_key": "k"}', "has no 'entry_topic_arn'"),
    ],
)
def test_stale_endpoints(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "endpoints.json").write_text(text)
    result = run("--state-dir", str(tmp_path), "list")
    assert (result.exit_code, words in result.stderr) == (4, True), result.output
    assert "start it again" in result.stderr


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (404, b"<html>"), (302, b""), (403, b'{"message": "M"}')]
)
def test_an_address_of_something_else(status: int, body: bytes) -> None:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        result = run("--url", f"http://127.0.0.1:{server.server_port}", "--key", "k", "status", "a")
    assert (result.exit_code, "does not answer as Darkroom's HTTP API" in result.stderr) == (4, True), result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        *((["--environment", "nowhere", *arguments], "region") for arguments in WITHOUT_REGION),
        (["--environment", "nowhere", "--region", "eu-central-1", "list"], "credentials"),
        (["--environment", "nowhere", "--region", "eu-central-1", "--profile", "no-such", "list"], "no-such"),
        (["--environment", "nowhere", "--region", "not a region!", "list"], "region"),
    ],
)
def test_a_shell_without_region_profile_or_credentials(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, words in result.stderr) == (78, True), result.output
    assert len(result.stderr.splitlines()) == 1, "one line and no traceback"


def test_an_environment_without_a_file_is_answered_with_those_that_have_one() -> None:
    hint = "No file describes 'prodd'; the files in environments/ describe: dev, example, local, prod"
    assert hint in run("--environment", "prodd", "list").stderr
    assert "No file" not in run("--environment", "prod", "list").stderr


def test_the_region_of_the_environment_file_is_used() -> None:
    # Credentials are missed only after the region is known.
    assert "credentials" in run("--environment", "prod", "list").stderr


@pytest.mark.parametrize(
    ("text", "exit_code", "words"),
    [
        ("[" * 100_000, 3, "is not JSON"),
        ('{"1": {"class_type": "LoadImage", "inputs": ["request.json"]}}', 2, "no input of the workflow is"),
    ],
    ids=["deep", "inputs in a list"],
)
def test_a_file_with_another_content_is_no_bug(
    state_directory: Path, api: FakeApi, text: str, exit_code: int, words: str
) -> None:
    path = state_directory / "request.json"
    path.write_text(text)
    result = run("--state-dir", str(state_directory), "submit", str(path), "--input", str(path))
    assert (result.exit_code, words in result.stderr) == (exit_code, True), result.stderr
    assert not api.submitted


def test_outputs_that_cannot_be_saved(state_directory: Path, api: FakeApi, tmp_path: Path) -> None:
    api.states["a"] = ["COMPLETED"]
    (tmp_path / "file").write_text("no folder")
    result = run("--state-dir", str(state_directory), "status", "a", "--download", str(tmp_path / "file" / "below"))
    assert (result.exit_code, "file" in result.stderr) == (74, True), result.output


def test_a_bug_is_no_failed_task(state_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_commands, "columns", lambda *_: 1 / 0)
    result = run("--state-dir", str(state_directory), "list")
    assert (result.exit_code, "ZeroDivisionError" in result.stderr) == (70, True)


def test_ctrl_c(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    command = [str(Path(sys.executable).with_name("darkroom")), "--state-dir", str(state_directory), "logs", "--follow"]
    (state_directory / "logs").mkdir()
    (state_directory / "logs" / "a.log").write_text('{"time": "2999-01-01T00:00:00+00:00", "event": "here"}\n')
    # A shell lets its jobs in the background ignore Ctrl-C, and every program that they start inherits that.
    with_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=with_ctrl_c,  # noqa: PLW1509 - one system call
    ) as process:
        try:
            assert process.stdout is not None
            assert "here" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, errors) == (130, "darkroom: aborted\n")


def test_a_closed_pipe_is_no_failed_task(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    command = [str(Path(sys.executable).with_name("darkroom")), "--state-dir", str(state_directory), "list"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [[], ["batch"], ["models"]])
def test_no_description_of_a_command_is_cut_in_the_help(arguments: list[str]) -> None:
    assert "..." not in run(*arguments, "--help").output.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], "TASK_ID"),
        (["submit", "nowhere.json"], "nowhere.json"),
        (["--url", "pictures", "list"], "https://pictures.example/api"),
        (["paint"], "paint"),
        (["list", "--environmant", "k"], "--environmant"),
        (["mcp"], "--json"),
    ],
)
def test_wrong_usage_is_an_object_for_programs(arguments: list[str], words: str) -> None:
    result = run(*arguments, "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["exit_code"], words in error["message"]) == (2, 2, True), error


def test_an_error_before_the_command_is_text(tmp_path: Path) -> None:
    result = run("--state-dir", str(tmp_path), "list", "--json")
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 4
