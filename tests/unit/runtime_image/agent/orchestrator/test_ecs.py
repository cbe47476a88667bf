"""The notice of a node's end, which the node leaves as a file."""

from pathlib import Path

import pytest

from runtime_image.agent.orchestrator.orchestrator import Ecs, OrchestratorRefused


def ecs(ending_file: Path) -> Ecs:
    return Ecs(agent_url="http://127.0.0.1:1", metadata_url="http://127.0.0.1:1", ending_file=ending_file)


def test_the_end_is_near_once_the_file_is_there(tmp_path: Path) -> None:
    replica = ecs(tmp_path / "ending")
    assert replica.is_ending() is False
    (tmp_path / "ending").touch()
    assert replica.is_ending() is True


def test_a_file_that_cannot_be_looked_for_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError("no")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(OrchestratorRefused, match="no"):
        ecs(tmp_path / "ending").is_ending()
