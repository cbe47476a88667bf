"""Files of `darkroom init`: the CDK makes templates of them, and their cost is known."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("engine", ["eks", "ecs", "none"])
def test_a_new_file_synthesizes_and_has_a_price(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    options = ["shop", "--yes", "--file", str(file), "--engine", engine, "--tasks-per-day", "20", "--json"]
    result = CliRunner().invoke(main, ["init", *options])
    assert result.exit_code == 0, result.output
    assert "its cost is unknown" not in result.stderr
    cost = json.loads(result.stdout)
    assert cost["idle_month_usd"] > 0
    assert [runtime["runtime"] for runtime in cost["pictures"]] == ([] if engine == "none" else ["sdruntime"])
