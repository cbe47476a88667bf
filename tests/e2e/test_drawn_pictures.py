"""Pictures of the trained model prove whose they are: each task gets what its prompt says, also after a kill."""

import io
import os
import signal
from typing import Any, Final

import pytest
from PIL import Image

from benchmarks.picture_judge.scene import judge_picture, scene
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("drawing_system"), pytest.mark.timeout(600)]

#: The smallest size at which the model draws shapes, and steps for it.
SIZE: Final[dict[str, Any]] = {"width": 256, "height": 256, "steps": 8, "seed": 1}
SCENES: Final = {
    "drawn-circle": "green circle",
    "drawn-square": "blue square",
    "drawn-cross": "yellow cross",
    "drawn-black": "black cross",
}
CHECKPOINT: Final = "v1-5-pruned-emaonly.safetensors"


def submit(system: System, task_id: str, runtime: str, **content: Any) -> None:
    metadata = {"id": task_id, "runtime": runtime, "tasktype": "text-to-image"}
    if runtime == "dynamic":
        content["alwayson_scripts"] = {"sd_model_checkpoint": CHECKPOINT}
    task = {"task": {"metadata": metadata, "content": SIZE | {"prompt": scene(SCENES[task_id]).prompt} | content}}
    if len(task_id) % 2:
        system.publish(task)
    else:
        assert system.http("POST", "/v1alpha2", json=task).status_code == 200


def test_each_task_gets_the_picture_of_its_prompt_although_a_web_ui_is_killed(drawing_system: System) -> None:
    system = drawing_system
    first, *others = SCENES
    submit(system, first, "sdruntime", steps=60)
    system.eventually(lambda: system.webui_progress("sdruntime"), "the start of the generation", 300)
    for number, task_id in enumerate(others):
        submit(system, task_id, ("sdruntime", "dynamic")[number % 2])
    os.kill(system.container_events("sdruntime", "child_started", child="webui")[-1]["pid"], signal.SIGKILL)

    for task_id, words in SCENES.items():
        callback = system.callback(id=task_id, seconds=300)
        assert callback["status"] == "completed", callback
        with Image.open(io.BytesIO(system.object(callback["image_url"][0]))) as picture:
            judgement = judge_picture(picture, scene(words))
        assert judgement.has_objects, f"{task_id} shows {judgement.found}"
    assert system.shown(first)["attempts"] == 2
