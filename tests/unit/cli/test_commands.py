import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.unit.cli.conftest import write_endpoints
from tests.unit.cli.fake_api import FakeApi

TASK = {"task": {"metadata": {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image"}, "content": {}}}


def run(state_directory: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--state-dir", str(state_directory), *arguments], input=stdin)


def task(id_: object) -> str:
    return json.dumps({"task": {"metadata": TASK["task"]["metadata"] | {"id": id_}, "content": {}}})


def test_submit_prints_the_response(state_directory: Path, api: FakeApi) -> None:
    assert run(state_directory, "submit", "-", stdin=task("a")).stdout == "a\n"
    api.submitted.clear()
    result = run(state_directory, "submit", "-", "--json", stdin=task("a"))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"id_task": "a", "runtime": "sdruntime", "output_location": "s3://b/output/x"}
    assert api.submitted == [("/v1alpha2", json.loads(task("a")))]


def test_submit_warns_about_unknown_fields(state_directory: Path) -> None:
    result = run(state_directory, "submit", "-", stdin=task("a").replace('"content": {', '"content": {"colour": 1'))
    assert (result.exit_code, "passed on as they are: task.content.colour" in result.stderr) == (0, True)


def test_submit_recognizes_the_older_format(state_directory: Path, api: FakeApi) -> None:
    body = json.dumps({"alwayson_scripts": {"task": "text-to-image", "id_task": "a"}})
    assert run(state_directory, "submit", "-", stdin=body).exit_code == 0
    assert api.submitted[0][0] == "/v1alpha1"


def test_submit_waits_and_downloads(state_directory: Path, tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(task("a"))
    arguments = str(tmp_path / "task.json"), "--download", str(tmp_path / "new" / "out"), "--json"
    result = run(state_directory, "submit", *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["status"] == "COMPLETED"
    saved = tmp_path / "new" / "out" / "a-1a2b-1.png"
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_task_that_fails_is_exit_code_1_with_its_error(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_PROGRESS", "FAILED"]
    result = run(state_directory, "status", "a", "--wait", "--json")
    assert result.exit_code == 1
    assert "a is FAILED: the Web UI said no" in result.stderr
    assert json.loads(result.stdout)["status"] == "FAILED"


def test_a_failed_task_runs_again(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["FAILED"]
    result = run(state_directory, "retry", "a")
    assert (result.exit_code, result.stdout) == (0, "a\n")
    assert "submitted again" in result.stderr
    assert json.loads(run(state_directory, "retry", "a", "--wait", "--json").stdout)["status"] == "COMPLETED"
    assert run(state_directory, "retry", "none").exit_code == 3


def test_waiting_too_long_is_exit_code_5(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    result = run(state_directory, "status", "a", "--wait", "--timeout", "0")
    assert result.exit_code == 5
    assert "still active after 0 s: a" in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (task("broken"), 3, "task.metadata.id: no\ntask.content.width: is 9"),
        (task("outage"), 4, "AWS is away (unavailable)"),
        ("{oops", 3, "is not JSON"),
        ("[]", 3, "must hold one JSON object"),
    ],
)
def test_what_is_refused_says_why(state_directory: Path, text: str, code: int, message: str) -> None:
    result = run(state_directory, "submit", "-", stdin=text)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_an_unknown_task(state_directory: Path) -> None:
    result = run(state_directory, "status", "nobody")
    assert (result.exit_code, "there is no task 'nobody'" in result.stderr) == (3, True)


def test_a_wrong_key(state_directory: Path, api: FakeApi) -> None:
    write_endpoints(state_directory, api.url, "wrong")
    result = run(state_directory, "list")
    assert result.exit_code == 3
    assert f"{api.url} does not accept the key of {state_directory / 'endpoints.json'}" in result.stderr


def test_cancel(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    result = run(state_directory, "cancel", "a", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (0, "CANCELLED")


def test_list_as_a_table_and_as_json(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_PROGRESS"]
    table = run(state_directory, "list", "--runtime", "sdruntime", "--limit", "5")
    assert table.exit_code == 0
    assert "IN_PROGRESS" in table.stdout
    assert "25%" in table.stdout
    assert "--next more" in table.stderr
    assert api.queries == ["runtime=sdruntime&limit=5"]
    page = run(state_directory, "list", "--json", "--status", "FAILED")
    assert json.loads(page.stdout)["tasks"][0]["id"] == "a"


def test_the_command_for_the_next_page_has_the_same_filters(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    filters = ["--runtime", "sdruntime", "--sent-by", "shop", "--text", "red star"]
    hint = run(state_directory, "list", *filters, "--limit", "1", "--next", "before").stderr
    command, _, next_page = hint.removesuffix("\n").partition(" --next ")
    assert (command.startswith(f"more: darkroom --state-dir {state_directory} list --"), next_page) == (True, "more")
    assert "--runtime sdruntime" in command
    assert "--sent-by shop" in command
    assert "--text 'red star'" in command
    (query,) = api.queries
    assert {"key=shop", "text=red+star"} <= set(query.split("&"))
    assert "--limit 1" in command


def test_no_log_lines_are_told(state_directory: Path) -> None:
    result = run(state_directory, "logs", "nowhere")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no line names 'nowhere' within --hours 1" in result.stderr


def test_no_local_system_says_how_to_start_one(tmp_path: Path) -> None:
    result = run(tmp_path, "list")
    assert (result.exit_code, "make up" in result.stderr) == (4, True)


@pytest.mark.parametrize("request_of", [("-",), ("--prompt", "A dog")], ids=["file", "options"])
def test_a_submission_with_a_wrong_key_names_the_source_of_the_key(
    state_directory: Path, api: FakeApi, request_of: tuple[str, ...]
) -> None:
    write_endpoints(state_directory, api.url, "wrong")
    result = run(state_directory, "submit", *request_of, stdin=task("a"))
    assert f"does not accept the key of {state_directory / 'endpoints.json'}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "--status", "DONE", "--sent-by", "?"), "--status: no\n--sent-by: no"),
        (("list", "--runtime", "?"), "--runtime: no"),
        (("batch", "tasks", "posters", "--state", "done"), "--state: no"),
    ],
)
def test_a_refused_filter_is_named_as_it_was_written(
    state_directory: Path, api: FakeApi, arguments: tuple[str, ...], message: str
) -> None:
    api.refuses_filters = True
    result = run(state_directory, *arguments)
    assert (result.exit_code, result.stderr) == (3, f"darkroom: {message}\n")


def test_an_error_of_many_lines_is_cut_for_people_only(state_directory: Path, api: FakeApi) -> None:
    api.broken_fields = 1000
    result = run(state_directory, "submit", "-", "--json", stdin=task("broken"))
    assert (len(result.stderr.splitlines()), "and 980 more lines; --json prints all" in result.stderr) == (21, True)
    assert len(json.loads(result.stdout)["error"]["message"].splitlines()) == 1000


def test_the_tasks_of_a_batch_are_listed_and_downloaded(state_directory: Path, api: FakeApi, tmp_path: Path) -> None:
    api.states |= {"posters-1": ["COMPLETED"], "posters-2": ["FAILED"]}
    result = run(state_directory, "batch", "tasks", "posters", "--download", str(tmp_path / "out"))
    assert result.exit_code == 0, result.stderr
    assert "2       posters-2  failed     no (id_in_use)\n" in result.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["posters-1-1a2b-1.png"]


def test_the_entry_topic_cannot_be_reached(state_directory: Path) -> None:
    result = run(state_directory, "submit", "-", "--via", "topic", stdin=task("a"))
    assert (result.exit_code, "cannot be reached" in result.stderr) == (4, True)


def test_the_topic_needs_an_id_to_wait_for(state_directory: Path) -> None:
    result = run(state_directory, "submit", "-", "--via", "topic", stdin='{"task": {"metadata": {}}}')
    assert (result.exit_code, "has no id" in result.stderr) == (3, True)


def test_a_task_for_people_has_its_facts_in_lines(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["COMPLETED"]
    result = run(state_directory, "status", "a")
    assert "status     COMPLETED\n" in result.stdout
    assert "output     s3://b/output/a/a-1a2b-1.png\n" in result.stdout


def test_a_waiting_task_shows_its_place(state_directory: Path, api: FakeApi) -> None:
    api.states["a"] = ["IN_QUEUE"]
    result = run(state_directory, "status", "a")
    assert "place      3\n" in result.stdout
    assert "may start  2026-11-20T10:01:00Z\n" in result.stdout


def test_an_id_is_never_cut(state_directory: Path, api: FakeApi) -> None:
    long = "image-to-image-" + 100 * "x"
    api.states[long] = ["IN_QUEUE"]
    assert long in run(state_directory, "list").stdout.split()
    assert long in run(state_directory, "status", long).stdout.split()


def test_empty_standard_input_is_told(state_directory: Path) -> None:
    result = run(state_directory, "submit", "-", stdin="")
    assert (result.exit_code, "standard input is empty" in result.stderr) == (3, True)


def test_an_error_is_an_object_too(state_directory: Path) -> None:
    result = run(state_directory, "status", "nobody", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["exit_code"] == result.exit_code == 3
    assert "there is no task 'nobody'" in error["message"]
