from pathlib import Path

import pytest

from local.command_line import parse_options


def test_defaults() -> None:
    options = parse_options(["up"])
    assert options.environment.name == "local"
    assert options.environment_file.name == "local.yaml"
    assert (options.webui_url, options.agents_per_runtime, options.state_directory) == (None, 1, Path(".local"))
    assert (options.ports.api, options.ports.aws, options.ports.function_url(1)) == (8350, 8351, 8354)
    assert parse_options(["up", "--environment", "dev"]).environment.name == "dev"


def test_everything_given(tmp_path: Path) -> None:
    environment = tmp_path / "mine.yaml"
    environment.write_text("name: mine\nruntimes: [{name: only, dynamicModel: true}]\n")
    options = parse_options(
        [
            *("up", "--webui-url", "http://ui:7860/", "--environment", str(environment), "--agents", "0"),
            *(
                "--keep",
                "--port",
                "0",
                "--state-dir",
                "x",
                "--ca-file",
                str(environment),
                "--assembly-cache",
                str(tmp_path),
            ),
        ]
    )
    assert options.environment.name == "mine"
    assert options.webui_url == "http://ui:7860"
    assert options.agents_per_runtime == 0
    assert options.state_directory == Path("x")
    assert options.authorities_file == environment
    assert (options.ports.api, options.ports.function_url(1), options.keeps_state) == (0, 0, True)
    assert options.assembly_cache == tmp_path


def test_stub_web_uis() -> None:
    assert parse_options(["up"]).stub_webui_seconds is None
    options = parse_options(["up", "--stub-webui", "0.05"])
    assert options.stub_webui_seconds == 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "command"),
        (["up", "--agents", "-1"], "--agents"),
        (["up", "--agents", "many"], "--agents"),
        (["up", "--stub-webui", "1", "--webui-url", "http://ui"], "not allowed with"),
        (["up", "--environment", "nowhere.yaml"], "nowhere.yaml"),
        (["up", "--port", "http"], "--port"),
        (["up", "--port", "65531"], "from 0 to 65529"),
        (["up", "--ca-file", "nowhere.pem"], "there is no file nowhere.pem"),
        (["up", "--comfyui-url", "http://comfy", "--agents", "2"], "write 1 with --comfyui-url"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse_options(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse_options(["up", "--help"])
    assert exit_.value.code == 0
    assert "exit codes" in capsys.readouterr().out
