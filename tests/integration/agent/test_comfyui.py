"""Workflows through a real agent and the embedded ComfyUI: outputs, cancels, and whatever ComfyUI does wrong."""

import base64
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from contract.picture_formats import detect_format
from contract.record import Record
from stub_webui.journal import GenerationStep
from stub_webui.web_ui import StubWebUi
from tests.integration.agent.comfyui import (
    CHECKPOINT,
    PATIENCE_SECONDS,
    SAMPLER,
    SAVE,
    ComfyUi,
    ComfyUiHarness,
    serve_comfyui,
    workflow,
)
from tests.integration.agent.harness import stopping

pytestmark = pytest.mark.xdist_group("agent_comfyui")


@pytest.fixture(scope="module")
def shared_comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyUi]:
    with serve_comfyui(tmp_path_factory.mktemp("comfyui"), "--stub-seconds", "0.02") as comfyui:
        yield comfyui


@pytest.fixture
def harness(aws_endpoint: str, tmp_path: Path, shared_comfyui: ComfyUi) -> Iterator[ComfyUiHarness]:
    webui = StubWebUi(settings_file=tmp_path / "config.json")
    with stopping(ComfyUiHarness(aws_endpoint, tmp_path, webui, comfyui=shared_comfyui)) as harness:
        yield harness


def test_a_workflow_comes_back_as_a_picture_and_leaves_no_file(harness: ComfyUiHarness) -> None:
    harness.start_agent()
    harness.submit_workflow("cat")

    record = harness.completed("cat")
    (url,) = record.image_urls
    picture = harness.outputs()[url.partition(f"s3://{harness.output_bucket}/")[2]]
    found = detect_format(picture)
    assert found is not None
    assert found.extension == "png"
    response = harness.response(record)
    saved = response["outputs"]["9"]
    assert (saved["class_type"], saved["title"]) == ("SaveImage", "Save Image")
    assert saved["images"] == [
        {
            "filename": "ComfyUI_00001_.png",
            "subfolder": "",
            "type": "output",
            "kind": "image",
            "n": 1,
            "s3_url": url,
        }
    ]
    harness.wait_until_queue_is_empty()
    assert harness.comfyui.files() == []
    assert harness.comfyui.ask("/history") == {}


@pytest.mark.slow
def test_files_of_any_kind_come_back_in_the_order_of_their_nodes(harness: ComfyUiHarness) -> None:
    graph = workflow("film")
    graph |= {
        "12": {"class_type": "CreateVideo", "inputs": {"images": ["8", 0], "fps": 8.0}},
        "11": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["12", 0], "filename_prefix": "video/film", "format": "auto", "codec": "auto"},
        },
        "10": {"class_type": "PreviewAny", "inputs": {"source": "seen"}},
        "sound": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0, "sample_rate": 44100, "channels": 2}},
        "voice": {"class_type": "SaveAudio", "inputs": {"audio": ["sound", 0], "filename_prefix": "voice"}},
        "2": {
            "class_type": "SaveText",
            "inputs": {"text": "a story", "filename_prefix": "story", "format": "txt"},
        },
        "preview": {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}},
    }
    harness.start_agent()
    harness.submit_workflow("film", graph)

    record = harness.completed("film")
    assert [url.rpartition(".")[2] for url in record.image_urls] == ["txt", "png", "mp4", "flac"]
    outputs = harness.response(record)["outputs"]
    assert outputs["10"]["text"] == ["seen"]
    (video,) = outputs["11"]["images"]
    assert (video["subfolder"], video["n"], video["s3_url"]) == ("video", 3, record.image_urls[2])
    assert "s3_url" not in outputs["preview"]["images"][0]
    key = record.image_urls[0].partition(f"s3://{harness.output_bucket}/")[2]
    stored = harness.s3.get_object(Bucket=harness.output_bucket, Key=key)
    assert (stored["ContentType"], stored["ContentDisposition"]) == ("text/plain", "attachment")


@pytest.mark.slow
def test_a_workflow_with_previews_only_brings_them(harness: ComfyUiHarness) -> None:
    graph = workflow("draft")
    graph[SAVE] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    harness.start_agent()
    harness.submit_workflow("draft", graph)
    assert [url.rpartition(".")[2] for url in harness.completed("draft").image_urls] == ["png"]

    # ComfyUI's cache names the same temporary file again.
    harness.submit_workflow("again", graph)
    assert len(harness.completed("again").image_urls) == 1


def test_the_same_workflow_again_has_its_own_files(harness: ComfyUiHarness) -> None:
    """ComfyUI answers an equal workflow with the names of the earlier files, which are deleted."""
    harness.start_agent()
    graph = workflow("twice")
    for name in ("first", "second"):
        # Of two tasks that wait at the same time, the one that is prepared first begins.
        harness.submit_workflow(name, graph)
        response = harness.response(harness.completed(name))
        (saved,) = response["outputs"]["9"]["images"]
        assert saved["filename"] == "ComfyUI_00001_.png"
    assert set(response["cached"]) >= {SAMPLER, CHECKPOINT}


def test_a_cancelled_workflow_ends_and_the_next_one_is_untouched(harness: ComfyUiHarness) -> None:
    """The first runs and the second waits inside ComfyUI. Each is cancelled by its id."""
    agent = harness.start_agent()
    begun = harness.comfyui.count(GenerationStep.ACQUIRED)
    harness.submit_workflow("short")
    harness.completed("short")
    for name in ("running", "waiting"):
        harness.submit_workflow(name, workflow(name, steps=5000))
    harness.submit_workflow("last")
    harness.eventually(lambda: harness.comfyui.count(GenerationStep.ACQUIRED) > begun + 1, "a long workflow running")
    harness.eventually(lambda: harness.comfyui.ask("/queue")["queue_pending"], "another one waiting", PATIENCE_SECONDS)

    for name in ("waiting", "running"):
        harness.cancel(name)
    harness.completed("last")
    for name in ("running", "waiting"):
        is_noticed = partial(agent.logged, "task_cancelled", task_id=name)
        harness.eventually(is_noticed, f"the cancel of {name}", PATIENCE_SECONDS)
    harness.wait_until_queue_is_empty()
    harness.eventually(lambda: harness.comfyui.files() == [], "the cancelled files being deleted", PATIENCE_SECONDS)
    harness.eventually(lambda: harness.comfyui.ask("/history") == {}, "the entries being deleted", PATIENCE_SECONDS)


@pytest.mark.slow
def test_progress_and_previews_are_those_of_the_running_workflow(harness: ComfyUiHarness) -> None:
    harness.start_agent()
    harness.submit_workflow("drawn", workflow("drawn", steps=5000), policy={"preview": True})

    def shown() -> Record | None:
        record = harness.read("drawn")
        return record if record.preview_url and "sampling_steps" in (record.sampling or {}) else None

    record = harness.eventually(shown, "a preview", PATIENCE_SECONDS)
    assert record.sampling is not None
    assert record.sampling["sampling_steps"] == 5000
    assert 0 < record.progress_permille < 1000
    harness.cancel("drawn")
    harness.wait_until_queue_is_empty()


def test_a_workflow_that_comfyui_accepts_in_part_is_refused_as_a_whole(harness: ComfyUiHarness) -> None:
    """ComfyUI answers 200, and would carry out the valid output."""
    graph = workflow("half")
    graph["20"] = {"class_type": "EmptyImage", "inputs": {"width": 0, "height": 64, "batch_size": 1, "color": 0}}
    graph["21"] = {"class_type": "SaveImage", "inputs": {"images": ["20", 0], "filename_prefix": "bad"}}
    harness.start_agent()
    harness.submit_workflow("half", graph)

    error = harness.failed("half")
    assert error["code"] == "workflow_refused"
    assert [detail["field"] for detail in error["details"]] == ["task.content.20.inputs.width"]
    assert error["comfyui"]["status"] == 200
    assert harness.read("half").attempts == 1
    assert harness.comfyui.ask("/history") == {}


def test_a_refused_workflow_names_node_and_input(harness: ComfyUiHarness) -> None:
    graph = workflow("refused", sampler_name="no_such", cfg=-3)
    harness.start_agent()
    harness.submit_workflow("refused", graph)

    error = harness.failed("refused")
    assert error["code"] == "workflow_refused"
    fields = {detail["field"] for detail in error["details"]}
    assert fields == {"task.content.3.inputs.sampler_name", "task.content.3.inputs.cfg"}
    assert error["comfyui"]["status"] == 400
    assert "traceback" not in str(error)


def test_a_node_that_fails_fails_its_workflow_only(harness: ComfyUiHarness) -> None:
    graph = {
        "wide": {"class_type": "EmptyImage", "inputs": {"width": 4096, "height": 1, "batch_size": 1, "color": 0}},
        "scale": {
            "class_type": "ImageScale",
            "inputs": {"image": ["wide", 0], "upscale_method": "area", "width": 1, "height": 0, "crop": "disabled"},
        },
        "save": {"class_type": "SaveImage", "inputs": {"images": ["scale", 0], "filename_prefix": "x"}},
    }
    harness.start_agent()
    harness.submit_workflow("failing", graph)
    error = harness.failed("failing")
    assert (error["code"], error["node_id"], error["class_type"]) == ("workflow_failed", "scale", "ImageScale")
    assert str(harness.comfyui.directory) not in str(error)
    harness.submit_workflow("next")
    harness.completed("next")


def test_a_workflow_without_enough_memory_has_a_second_chance_only(harness: ComfyUiHarness) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16384, "height": 16384, "batch_size": 64, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    agent = harness.start_agent()
    harness.submit_workflow("huge", graph)
    assert harness.wait_for_release("huge")["code"] == "out_of_memory"
    assert not agent.logged("engine_failed")


def test_a_node_without_inputs_never_reaches_comfyui(harness: ComfyUiHarness) -> None:
    """ComfyUI would accept it, and its worker would end: every later workflow would wait for ever."""
    harness.start_agent()
    arrived = harness.comfyui.count(GenerationStep.ARRIVED)
    graph = workflow("harmful")
    graph["99"] = {"class_type": "CLIPTextEncode"}
    harness.submit_workflow("harmful", graph)

    error = harness.failed("harmful")
    assert error["details"][0]["field"] == "task.content.99.inputs"
    assert harness.comfyui.count(GenerationStep.ARRIVED) == arrived
    harness.submit_workflow("next")
    harness.completed("next")


def test_input_files_come_by_link_and_as_data_and_go_with_the_task(harness: ComfyUiHarness) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 32), "red").save(file, "PNG")
    harness.s3.put_object(Bucket=harness.link_bucket, Key="red.png", Body=file.getvalue())
    data = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    graph = {
        "linked": {"class_type": "LoadImage", "inputs": {"image": f"s3://{harness.link_bucket}/red.png"}},
        "inline": {"class_type": "LoadImage", "inputs": {"image": data}},
        "both": {"class_type": "ImageBatch", "inputs": {"image1": ["linked", 0], "image2": ["inline", 0]}},
        "save": {"class_type": "SaveImage", "inputs": {"images": ["both", 0], "filename_prefix": "https://x.org"}},
    }
    harness.start_agent()
    harness.submit_workflow("pictures", graph)

    record = harness.completed("pictures")
    assert len(record.image_urls) == 2
    for url in record.image_urls:
        key = url.partition(f"s3://{harness.output_bucket}/")[2]
        with Image.open(io.BytesIO(harness.outputs()[key])) as picture:
            assert (picture.size, picture.getpixel((5, 5))) == ((64, 32), (255, 0, 0))
    harness.wait_until_queue_is_empty()
    assert harness.comfyui.files() == []


@pytest.mark.slow
def test_an_input_that_is_no_file_of_the_task_is_refused(harness: ComfyUiHarness) -> None:
    inputs = {
        "missing.png": "no file of this task",
        "red.png [output]": "no file of this task",
        "../secret.png": "no file of this task",
        "s3://other-bucket/red.png": "links to the bucket other-bucket are not allowed",
        f"data:image/png;base64,{'A' * 80}": "it is not a picture",
    }
    harness.start_agent()
    for number, name in enumerate(inputs):
        graph = {
            "load": {"class_type": "LoadImage", "inputs": {"image": name}},
            "save": {"class_type": "SaveImage", "inputs": {"images": ["load", 0], "filename_prefix": "x"}},
        }
        harness.submit_workflow(f"stranger-{number}", graph)

    for number, reason in enumerate(inputs.values()):
        error = harness.failed(f"stranger-{number}")
        assert error["details"][0]["field"] == "task.content.load.inputs.image"
        assert reason in error["message"]
    assert harness.comfyui.files() == []


@pytest.mark.slow
def test_models_and_shared_files_come_from_the_model_bucket_by_name(harness: ComfyUiHarness) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "blue").save(file, "PNG")
    bucket = harness.output_bucket.replace("outputs", "models")
    harness.s3.create_bucket(Bucket=bucket)
    for key, body in {
        "checkpoints/new/own.safetensors": b"weights",
        "Lora/unnamed.safetensors": b"weights",
        "inputs/poses/blue.png": file.getvalue(),
    }.items():
        harness.s3.put_object(Bucket=bucket, Key=key, Body=body)
    models = harness.comfyui.directory / "models"
    harness.start_agent(MODEL_BUCKET=bucket, MODELS_DIRECTORY=models)
    graph = workflow("models")
    graph[CHECKPOINT]["inputs"]["ckpt_name"] = "new/own.safetensors"
    graph["load"] = {"class_type": "LoadImage", "inputs": {"image": "poses/blue.png"}}
    graph["copy"] = {"class_type": "SaveImage", "inputs": {"images": ["load", 0], "filename_prefix": "copy"}}
    harness.submit_workflow("models", graph)

    record = harness.completed("models")
    assert (models / "checkpoints/new/own.safetensors").read_bytes() == b"weights"
    assert not (models / "Lora").exists()
    copied = harness.response(record)["outputs"]["copy"]["images"][0]["s3_url"]
    with Image.open(io.BytesIO(harness.outputs()[copied.partition(f"s3://{harness.output_bucket}/")[2]])) as picture:
        assert picture.getpixel((5, 5)) == (0, 0, 255)
