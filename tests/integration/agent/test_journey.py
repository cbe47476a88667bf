"""Each kind of task, from its message to its outputs, its final record and an empty queue."""

import base64
import json

import pytest

from contract.record import Status
from contract.storage import S3Location, encode_pointer
from stub_webui.png_images import plain_png
from tests.integration.agent.harness import Harness

PICTURE = base64.b64encode(plain_png("input")).decode()


def test_text_to_image(harness: Harness) -> None:
    harness.start_agent()
    message = harness.submit("cat", {"prompt": "a cat", "steps": 3, "batch_size": 2}, prefix="pictures")

    record = harness.wait_for("cat", Status.COMPLETED)

    folder = f"pictures/cat/cat-{message.run_id}"
    outputs = harness.outputs()
    small = {f"{folder}-{number}-thumbnail.webp" for number in (1, 2)}
    assert outputs.keys() == {f"{folder}-1.png", f"{folder}-2.png", f"{folder}.out", *small}
    assert set(record.thumbnail_keys.values()) == small
    assert outputs[f"{folder}-1.png"] == plain_png("a cat")
    assert record.image_urls == tuple(f"s3://{harness.output_bucket}/{folder}-{n}.png" for n in (1, 2))
    assert record.output_url == f"s3://{harness.output_bucket}/{folder}.out"
    assert json.loads(outputs[f"{folder}.out"])["parameters"]["prompt"] == "a cat"
    assert "images" not in json.loads(outputs[f"{folder}.out"])
    assert (record.attempts, record.progress_permille) == (1, 1000)
    harness.wait_until_queue_is_empty()
    content_type = harness.s3.head_object(Bucket=harness.output_bucket, Key=f"{folder}-1.png")["ContentType"]
    assert content_type == "image/png"


@pytest.mark.parametrize(
    ("tasktype", "content", "pictures", "rest"),
    [
        ("image-to-image", {"prompt": "x", "steps": 1, "init_images": [PICTURE]}, 1, {"parameters", "info"}),
        ("extra-single-image", {"image": PICTURE, "upscaler_1": "Lanczos"}, 1, {"html_info"}),
        ("extra-batch-images", {"imageList": [{"data": PICTURE, "name": "a"}] * 2}, 2, {"html_info"}),
        ("interrogate", {"image": PICTURE, "model": "clip"}, 0, {"caption"}),
        ("png-info", {"image": PICTURE}, 0, {"info", "items", "parameters"}),
        (
            "webui-api",
            {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "x", "steps": 1}},
            1,
            {"parameters", "info"},
        ),
        ("webui-api", {"api": {"method": "GET", "endpoint": "sdapi/v1/scripts"}}, 0, {"txt2img", "img2img"}),
    ],
)
def test_other_tasks(
    harness: Harness, tasktype: str, content: dict[str, object], pictures: int, rest: set[str]
) -> None:
    harness.start_agent()
    harness.submit("task", content, tasktype=tasktype)

    record = harness.wait_for("task", Status.COMPLETED)

    assert len(record.image_urls) == pictures
    answer = next(data for key, data in harness.outputs().items() if key.endswith(".out"))
    assert json.loads(answer).keys() == rest
    harness.wait_until_queue_is_empty()


def test_an_enveloped_message_and_one_by_reference(harness: Harness) -> None:
    harness.start_agent()
    enveloped, referenced = harness.message("enveloped", {"steps": 1}), harness.message("referenced", {"steps": 1})
    harness.record(enveloped)
    harness.record(referenced)
    harness.s3.put_object(Bucket=harness.task_bucket, Key="messages/x.json", Body=referenced.to_body().encode())
    harness.send(
        json.dumps(
            {
                "Type": "Notification",
                "MessageId": "x",
                "TopicArn": "arn:aws:sns:eu-central-1:1:t",
                "Message": enveloped.to_body(),
            }
        )
    )
    harness.send(encode_pointer(S3Location(harness.task_bucket, "messages/x.json")))

    harness.wait_for("enveloped", Status.COMPLETED)
    harness.wait_for("referenced", Status.COMPLETED)


def test_the_checkpoint_is_switched_and_an_unknown_one_fails(harness: Harness) -> None:
    harness.webui.checkpoints.append("other.safetensors")
    harness.start_agent()
    harness.submit("first", checkpoint="other.safetensors")
    harness.submit("second")
    harness.submit("third", checkpoint="missing.safetensors")

    for name in ("first", "second"):
        harness.wait_for(name, Status.COMPLETED)
    error = harness.wait_for("third", Status.FAILED).error

    # By task: a queue keeps no order.
    checkpoints = {run.prompt: run.checkpoint for run in harness.webui.runs}
    assert checkpoints == {"first": "other.safetensors", "second": "v1-5-pruned-emaonly.safetensors"}
    assert error is not None
    assert error["code"] == "unknown_model"
    assert "other.safetensors" in error["message"]


def test_what_the_web_ui_refuses_fails_with_its_words(harness: Harness) -> None:
    def refuse(path: str, _body: dict[str, object]) -> tuple[int, object] | None:
        detail = [{"loc": ["body", "steps"], "msg": "value is not a valid integer", "type": "type_error.integer"}]
        return (422, {"detail": detail}) if path.endswith("txt2img") else None

    harness.webui.intercept = refuse
    harness.start_agent()
    harness.submit("broken")

    record = harness.wait_for("broken", Status.FAILED)

    assert record.error is not None
    assert record.error["code"] == "webui_refused"
    assert "body.steps: value is not a valid integer" in record.error["message"]
    harness.wait_until_queue_is_empty()
