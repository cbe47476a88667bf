"""Engine over a small ComfyUI: content of a prompt, a missing answer, and a comparison of node classes."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.pipeline.graph import COMFY_KEY, EXTRA_DATA
from contract.pipeline.node_list import core_nodes
from contract.pipeline.node_rules import NodeRules
from contract.routing import Limits
from contract.storage import CHECKPOINT_FOLDER
from contract.task import Metadata, Task
from runtime_image.comfyui.call import ComfyUiCall
from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.engine import MAX_CLASSES_LOGGED, ComfyUiEngine
from runtime_image.comfyui.errors import ComfyUiUnreachable
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.comfyui.message_feed import MessageFeed
from runtime_image.process.clock import Clock
from runtime_image.process.engine import ModelReference
from runtime_image.process.logs import EventLog, JsonFormatter
from tests.harness.serving import serving
from tests.harness.small_comfyui import SmallComfyUi
from tests.harness.workflows import documented_workflow


@pytest.fixture
def comfyui() -> Iterator[SmallComfyUi]:
    with serving(SmallComfyUi()) as server:
        yield server


@pytest.fixture
def engine(comfyui: SmallComfyUi, tmp_path: Path) -> ComfyUiEngine:
    url, clock, log = f"http://127.0.0.1:{comfyui.server_port}", Clock(), EventLog(logging.getLogger("test"))
    return ComfyUiEngine(
        client=ComfyUiClient(base_url=url),
        feed=MessageFeed(base_url=url, clock=clock, log=log),
        folders=ComfyUiFolders(input=tmp_path / "input", output=tmp_path / "output", temp=tmp_path / "temp"),
        nodes=core_nodes(),
        rules=NodeRules(api_nodes=True),
        limits=Limits(),
        models_folder=tmp_path / "models",
        ready_file=None,
        clock=clock,
        log=log,
    )


METADATA = Metadata.model_validate({"id": "cat", "runtime": "comfyui", "tasktype": "pipeline"})


def call(engine: ComfyUiEngine, **content: object) -> ComfyUiCall:
    draft = engine.draft(Task(metadata=METADATA, content=documented_workflow() | content), checkpoint=None)
    return draft.call({})


def test_a_prompt_has_the_client_id_of_the_agent(comfyui: SmallComfyUi, engine: ComfyUiEngine) -> None:
    call(engine, extra_data={COMFY_KEY: "secret"}).run(timeout_seconds=60)

    (prompt,) = comfyui.prompts
    assert prompt.keys() == {"prompt", "prompt_id", "client_id", EXTRA_DATA}
    assert prompt["client_id"] == engine.feed.client_id
    assert prompt[EXTRA_DATA] == {COMFY_KEY: "secret"}


def test_a_workflow_brings_the_models_and_the_shared_files_that_it_names(engine: ComfyUiEngine) -> None:
    load = {"class_type": "LoadImage", "inputs": {"image": "poses/cat"}}
    draft = engine.draft(Task(metadata=METADATA, content=documented_workflow() | {"load": load}), checkpoint=None)

    assert list(draft.models()) == [
        ModelReference("checkpoints", "sd_xl_turbo_1.0.safetensors", further_folders=(CHECKPOINT_FOLDER,)),
        ModelReference("inputs", "poses/cat"),
    ]


def test_a_shared_file_is_copied_and_never_read_as_a_whole(
    comfyui: SmallComfyUi, engine: ComfyUiEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"\x89PNG\r\n\x1a\n" + bytes(5000)
    shared = engine.models_folder / "inputs" / "poses" / "cat"
    shared.parent.mkdir(parents=True)
    shared.write_bytes(content)

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} is in memory as a whole")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        made = call(engine, load={"class_type": "LoadImage", "inputs": {"image": "poses/cat"}})
    made.run(timeout_seconds=60)

    name = comfyui.prompts[0]["prompt"]["load"]["inputs"]["image"]
    assert (engine.folders.input / name).suffix == ".png"
    assert (engine.folders.input / name).read_bytes() == content


@pytest.mark.parametrize("client_id", [["x"], {"a": 1}, 7, "other"])
@pytest.mark.parametrize("place", ["content", EXTRA_DATA])
def test_the_client_id_of_a_sender_is_refused(engine: ComfyUiEngine, place: str, client_id: object) -> None:
    # ComfyUI's server ends when an id of a wrong type reaches it.
    given = {"client_id": client_id}
    with pytest.raises(InvalidTask) as refusal:
        call(engine, **(given if place == "content" else {EXTRA_DATA: given}))
    assert any("client_id" in str(detail["field"]) for detail in refusal.value.as_dict()["details"])


def test_a_prompt_whose_answer_is_missing_may_be_in_the_queue(comfyui: SmallComfyUi, engine: ComfyUiEngine) -> None:
    comfyui.answers["/prompt"] = None

    with pytest.raises(ComfyUiUnreachable) as failure:
        call(engine).run(timeout_seconds=60)

    assert len(comfyui.prompts) == 1
    assert failure.value.as_dict()["code"] == "comfyui_unreachable"


@pytest.fixture
def differences(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    def read() -> list[dict[str, Any]]:
        lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
        return [line for line in lines if line["event"].startswith("node_list_")]

    return read


def test_the_first_readiness_logs_classes_that_are_not_those_of_the_list(
    comfyui: SmallComfyUi, engine: ComfyUiEngine, differences: Callable[[], list[dict[str, Any]]]
) -> None:
    listed = sorted(core_nodes().nodes)
    comfyui.answers["/object_info"] = {name: {} for name in (*listed[100:], "MyNode")}

    engine.check_ready()
    engine.check_ready()

    (line,) = differences()
    assert (line["event"], line["level"]) == ("node_list_differs", "WARNING")
    assert (line["absent"], line["absent_count"]) == (listed[:MAX_CLASSES_LOGGED], 100)
    assert (line["unlisted"], line["unlisted_count"]) == (["MyNode"], 1)


def test_equal_classes_log_nothing(
    comfyui: SmallComfyUi, engine: ComfyUiEngine, differences: Callable[[], list[dict[str, Any]]]
) -> None:
    comfyui.answers["/object_info"] = {name: {} for name in core_nodes().nodes}
    engine.check_ready()
    assert differences() == []


def test_nodes_that_no_workflow_may_use_need_not_be_there(
    comfyui: SmallComfyUi, engine: ComfyUiEngine, differences: Callable[[], list[dict[str, Any]]]
) -> None:
    engine.rules = NodeRules()
    comfyui.answers["/object_info"] = {name: {} for name, node in core_nodes().nodes.items() if not node.api_node}
    engine.check_ready()
    assert differences() == []


@pytest.mark.parametrize("answer", [None, []])
def test_a_comfyui_without_a_list_of_classes_is_ready(
    comfyui: SmallComfyUi, engine: ComfyUiEngine, differences: Callable[[], list[dict[str, Any]]], answer: object
) -> None:
    comfyui.answers["/object_info"] = answer
    engine.check_ready()
    assert [line["event"] for line in differences()] == ["node_list_not_compared"]
