"""The command `darkroom init`: questions, refusals, the file that it writes, and the cost that it prints."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cli.cost import cost_report
from cli.cost.templates import TemplateResource
from cli.errors import Refused
from cli.main import main
from stacks import environment_file
from stacks.environment_file import read_environment_file

PROJECT = Path(__file__).parents[3]
#: The command line in its own session, which the terminal that it opens first controls.
# A process in the background ignores SIGINT, and so would its children.
PROGRAM = (
    "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " os.open(os.ttyname(0), os.O_RDWR); from cli.main import main; main()"
)
#: Answers to every question about an environment with one runtime.
ANSWERS = ("shop", "ecs", "us-east-1", "", "web,batch", "on-call@shop.example", "sdxl", "xl.safetensors", "", "6", "n")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep new files away from the project's, and synthesize nothing."""
    monkeypatch.setattr(environment_file, "ENVIRONMENTS_DIRECTORY", tmp_path)
    monkeypatch.setattr(cost_report, "synthesize", lambda _: [TemplateResource("AWS::EKS::Cluster", {})])
    return tmp_path


def init(*options: str, answers: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(
        main, ["init", "--tasks-per-day", "20", *options], input="".join(f"{a}\n" for a in answers)
    )


def written(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def test_the_answers_become_a_file_that_synthesis_accepts(folder: Path) -> None:
    result = init(answers=(*ANSWERS, "0"))
    assert result.exit_code == 0, result.output
    assert written(folder / "shop.yaml") == {
        "name": "shop",
        "region": "us-east-1",
        "engine": "ecs",
        "network": {"zones": ["us-east-1a", "us-east-1b"]},
        "apiKeys": [{"name": "web"}, {"name": "batch"}],
        "alarms": {"subscribers": [{"protocol": "email", "endpoint": "on-call@shop.example"}]},
        "runtimes": [{"name": "sdxl", "modelFilename": "xl.safetensors", "scaling": {"maxReplicas": 6}}],
    }
    environment = read_environment_file(folder / "shop.yaml")
    assert [key.name for key in environment.api_keys] == ["web", "batch"]
    assert [file.name for file in folder.iterdir()] == ["shop.yaml"]


@pytest.mark.parametrize("engine", ["eks", "ecs", "none"])
def test_a_script_is_asked_nothing(folder: Path, engine: str) -> None:
    runtimes = ["--runtime", "sdxl=xl.safetensors:g6.xlarge,g5.xlarge:8", "--runtime", "all=any"]
    result = init("batch", "--yes", "--engine", engine, "--region", "eu-west-1", *runtimes, "--api-key", "a")
    assert result.exit_code == 0, result.output
    environment = read_environment_file(folder / "batch.yaml")
    assert (environment.engine, environment.region) == (engine, "eu-west-1")
    first, second = environment.runtimes
    assert (first.instance_types, first.scaling.max_replicas) == (("g6.xlarge", "g5.xlarge"), 8)
    assert second.dynamic_model


def test_a_broken_answer_is_explained_and_asked_again(folder: Path) -> None:
    answers = list(ANSWERS)
    for place, broken in ((9, "many"), (8, "g6.huge"), (7, "xl.bin"), (5, "nobody"), (1, "ecz"), (0, "My Shop")):
        answers.insert(place, broken)
    result = init(answers=(*answers, "0"))
    assert result.exit_code == 0, result.output
    for problem in (
        'name: is "My Shop"; write 2 to 30 lower-case letters',
        "engine: is \"ecz\"; write 'none', 'eks' or 'ecs'",
        "'nobody' does not fit protocol email",
        "modelFilename: is not the name of a checkpoint",
        "instanceTypes[0]: is 'g6.huge', not an instance type",
        'maxReplicas: is "many"',
    ):
        assert problem in result.stderr
    assert written(folder / "shop.yaml")["runtimes"][0]["scaling"] == {"maxReplicas": 6}


def test_several_runtimes(folder: Path) -> None:
    result = init(answers=(*ANSWERS[:-1], "y", "", "", "", "", "y", "third", "", "g5.xlarge", "1", "n", "0"))
    assert result.exit_code == 0, result.output
    runtimes = written(folder / "shop.yaml")["runtimes"]
    assert [runtime["name"] for runtime in runtimes] == ["sdxl", "runtime2", "third"]
    assert [runtime.get("dynamicModel", False) for runtime in runtimes] == [False, True, True]


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["Shop"], 3, 'NAME: name: is "Shop"; write 2 to 30 lower-case letters'),
        (["shop", "--region", "mars"], 3, '--region: region: is "mars"'),
        (["shop", "--zone", "a"], 3, '--zone: network.zones[0]: is "a"'),
        (["shop", "--api-key", "a b"], 3, "--api-key: apiKeys[0].name: is"),
        (["shop", "--file", "/no/folder/shop.yaml"], 3, "there is no folder /no/folder; write --file"),
        (["shop", "--runtime", "sdxl"], 2, "--runtime is 'sdxl'; write NAME=MODEL"),
        (["shop", "--runtime", "sdxl=a.safetensors", "--runtime", "sdxl=any"], 3, "have the same name"),
        (["shop", "--runtime", "sdxl=a.safetensors:m5.large"], 3, "not an instance type with NVIDIA GPUs"),
    ],
)
def test_a_broken_option_is_refused_and_nothing_written(
    folder: Path, options: list[str], exit_code: int, message: str
) -> None:
    result = init("--yes", *options)
    assert (result.exit_code, list(folder.iterdir())) == (exit_code, [])
    assert message in result.stderr


def test_no_file_is_replaced_without_force(folder: Path) -> None:
    mine = folder / "mine.yaml"
    mine.write_text("mine: true\n")
    for refused in (init("mine", "--yes"), init("other", "--yes", "--file", str(mine))):
        assert refused.exit_code == 3
        assert "exists already; write another name, or --force" in refused.stderr
        assert mine.read_text() == "mine: true\n"
    asked = init("--engine", "ecs", answers=("mine", *ANSWERS[:1], *ANSWERS[2:], "0"))
    assert asked.exit_code == 0, asked.output
    assert written(folder / "shop.yaml")["name"] == "shop"
    assert init("mine", "--yes", "--force").exit_code == 0
    assert written(mine)["name"] == "mine"


def test_an_input_that_ends_early_leaves_nothing(folder: Path) -> None:
    result = init(answers=ANSWERS[:6])
    assert (result.exit_code, list(folder.iterdir())) == (130, [])


def test_ctrl_c_at_a_terminal_leaves_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "init", "--file", str(tmp_path / "new.yaml")]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        seen = b""
        while b"Name [mine]" not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, b"shop\n")
        while b"Engine [eks]" not in seen:
            seen += os.read(ours, 1024)
        # Python misses a signal between the prompt and the reading of the answer, and people press the keys again then.
        for _ in range(12):
            os.write(ours, b"\x03")
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break
        assert process.wait(1) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert list(tmp_path.iterdir()) == []


def test_the_cost_is_compared_with_the_budget() -> None:
    runtime = "sdxl=xl.safetensors:g6.xlarge:2"
    output = init("a1", "--yes", "--runtime", runtime, "--budget", "100").stdout
    assert "A month without tasks" in output
    assert "1,000 pictures, if a runtime gets 20 tasks of 4 s a day" in output
    # 73 dollars for the cluster, and two replicas at 0.44 dollars for 730 hours.
    assert "and 715 USD if all replicas run all the time" in output
    assert "The most that it can cost exceeds" in output
    assert "exceeds" not in init("a2", "--yes", "--runtime", runtime, "--budget", "1000").stdout


def test_programs_get_the_cost_as_one_object() -> None:
    printed = json.loads(init("shop", "--yes", "--json").stdout)
    assert printed["environment"] == "shop"
    assert printed["pictures"][0]["max_replicas"] == 4


def test_a_machine_without_the_cdk_still_gets_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> list[TemplateResource]:
        raise Refused("the templates cannot be made: no node")

    monkeypatch.setattr(cost_report, "synthesize", fail)
    result = init("shop", "--yes")
    assert (result.exit_code, (folder / "shop.yaml").exists()) == (0, True)
    assert "its cost is unknown: the templates cannot be made: no node" in result.stderr
