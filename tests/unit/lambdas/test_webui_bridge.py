"""Bridge for Web UI clients: responses from replicas, and from its own state."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contract.errors import DarkroomError, TooManyActiveTasks
from contract.lease import Lease, ProgressReport
from contract.record import Status
from contract.tenancy import SHARED
from contract.transitions import Outcome, report_progress
from lambdas.http.application import Caller, InternalError
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.tasks import outcomes
from lambdas.tasks.list_cache import ListCache
from lambdas.tasks.unfinished import MACHINE_CODES
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from lambdas.webui_api import task_calls
from lambdas.webui_api.bridge import Bridge
from lambdas.webui_api.calls import parse_call
from lambdas.webui_api.preferences import Preferences
from lambdas.webui_api.refusals import BridgeResponse, WebUiRefusal, response_to
from lambdas.webui_api.sessions import Sessions
from lambdas.webui_api.task_calls import TaskCalls
from runtime_image.agent.core import errors as agent_errors  # noqa: F401 - its classes are subclasses to be found
from runtime_image.comfyui import errors as comfyui_errors  # noqa: F401 - as above
from runtime_image.model_downloader import errors as model_errors  # noqa: F401 - as above
from runtime_image.webui import errors as webui_errors  # noqa: F401 - as above
from tests.unit.lambdas.harness import Harness

SAMPLING = {"sampling_step": 10, "sampling_steps": 20, "job_no": 0, "job_count": 2}
PICTURE = b"\x89PNG picture"
ENCODED = "iVBORw0KGgo="
SWITCHES = {"tiling": False, "save_txt": False}
OPTIONS = {"CLIP_stop_at_last_layers": 1, "sd_model_checkpoint": "v1-5.safetensors", "sd_vae": None, **SWITCHES}


class Client:
    """Programs with their own keys, and replicas that run their tasks while the programs wait."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.requests = 0
        self.picture = PICTURE
        self.bodies: dict[str, Any] = {"sdapi/v1/options": OPTIONS, "sdapi/v1/samplers": [{"name": "Euler a"}]}
        #: Replaces the completion of the next tasks.
        self.replica: Callable[[str], object] = self.complete
        self.tasks: list[str] = []
        self.bridge = Bridge(
            calls=TaskCalls(
                tasks=harness.tasks(clock=self.seconds, sleep=self.sleep), new_id=lambda: str(self.requests)
            ),
            sessions=Sessions(repository=harness.repository, now_ms=lambda: harness.now_ms),
            lists=ListCache(bucket=harness.task_bucket, now_ms=lambda: harness.now_ms),
            preferences=Preferences(bucket=harness.task_bucket, find_checkpoint=harness.models.find_checkpoint),
            models=harness.models,
        )

    def seconds(self) -> float:
        return float(self.harness.now_ms / 1000)

    def sleep(self, seconds: float) -> None:
        self.harness.now_ms += int(seconds * 1000) + 1
        task_id = f"webui-api-{self.requests}"
        if task_id not in self.tasks:
            self.tasks.append(task_id)
            self.replica(task_id)

    def complete(self, task_id: str) -> None:
        """Act as the agent: store the pictures, then the rest of the response, then write the record."""
        record = self.harness.claim(task_id)
        body = self.bodies.get(
            record.endpoint, {"parameters": {"send_images": True, "init_images": None}, "info": "{}"}
        )
        pictures: tuple[str, ...] = ()
        if record.tasktype != "webui-api":
            self.harness.s3.put_object(Bucket="out", Key=f"{task_id}.png", Body=self.picture)
            pictures = (f"s3://out/{task_id}.png",)
        self.harness.s3.put_object(Bucket="out", Key=f"{task_id}.out", Body=json.dumps(body))
        self.harness.finish(
            task_id, Outcome(Status.COMPLETED, image_urls=pictures, output_url=f"s3://out/{task_id}.out")
        )

    def fail(self, error: dict[str, Any], status: Status = Status.FAILED) -> None:
        def end(task_id: str) -> None:
            self.harness.claim(task_id)
            self.harness.finish(task_id, Outcome(status, error=error))

        self.replica = end

    def call(self, method: str, path: str, body: Any = None, *, key: str = "shop") -> BridgeResponse:
        self.requests += 1
        text = json.dumps(body) if body is not None else ""
        try:
            call = parse_call(method, path, {}, text, catalogue=self.harness.catalogue)
            caller = Caller(f"request-{self.requests}", key, SHARED)
            return self.bridge.answer(call, caller=caller, seconds=25)
        except WebUiRefusal as refusal:
            return refusal.response
        except DarkroomError as error:
            return response_to(error)

    def post(self, endpoint: str, body: Any = None, **options: Any) -> BridgeResponse:
        return self.call("POST", f"/sdapi/v1/{endpoint}", {} if body is None else body, **options)

    def get(self, endpoint: str, **options: Any) -> BridgeResponse:
        return self.call("GET", f"/sdapi/v1/{endpoint}", **options)

    def start(self, endpoint: str = "txt2img", *, claimed: bool = True, **options: Any) -> str:
        """Call and let the caller's patience end, with the task waiting or running."""
        self.replica = lambda task_id: self.harness.claim(task_id) if claimed else None
        assert self.post(endpoint, {"prompt": "a"}, **options).status == 504
        self.replica = self.complete
        return self.tasks[-1]

    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.harness.record(self.tasks[-1]).message or "")["task"]["content"])


@pytest.fixture
def client(harness: Harness) -> Client:
    harness.s3.create_bucket(Bucket="out")
    return Client(harness)


def test_a_generation_is_a_task_and_its_answer_the_web_uis_own(client: Client) -> None:
    answer = client.post("txt2img", {"prompt": "a cat", "steps": 3, "no_such_field": 1})
    record = client.harness.record("webui-api-1")
    assert (record.tasktype, record.runtime, record.prefix) == ("text-to-image", "sdruntime", "webui-api")
    assert (record.key_name, record.status, record.webui_session) == ("shop", Status.COMPLETED, None)
    assert client.content() == {"prompt": "a cat", "steps": 3, "no_such_field": 1}
    assert answer.status == 200
    assert answer.body["images"] == [base64.b64encode(PICTURE).decode()]
    assert answer.body["info"] == "{}"


def test_one_picture_in_is_one_picture_out(client: Client) -> None:
    client.bodies["sdapi/v1/extra-single-image"] = {"html_info": "<p></p>"}
    answer = client.post("extra-single-image", {"image": ENCODED})
    assert answer.body == {"html_info": "<p></p>", "image": base64.b64encode(PICTURE).decode()}


@pytest.mark.parametrize("off", [False, "False", 0])
def test_a_caller_that_wants_no_pictures_gets_none_and_its_bucket_does(client: Client, off: object) -> None:
    answer = client.post("txt2img", {"prompt": "a", "send_images": off})
    assert (answer.status, answer.body["images"], answer.body["parameters"]["send_images"]) == (200, [], False)
    assert "send_images" not in client.content()
    assert client.harness.record("webui-api-1").image_urls


def test_the_inputs_come_back_where_they_are_asked_for(client: Client) -> None:
    for wanted in (True, "True", False, "False"):
        answer = client.post("img2img", {"init_images": [ENCODED], "include_init_images": wanted})
        assert answer.body["parameters"]["init_images"] == ([ENCODED] if wanted in {True, "True"} else None)


REFUSED = {"error": "HTTPException", "detail": "Script 'x' not found", "body": "", "errors": ""}


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ({"code": "webui_refused", "message": "m", "webui": {"status": 404, "body": REFUSED}}, 404, REFUSED),
        (
            {"code": "out_of_memory", "message": "m", "webui": {"status": 500, "body": {"error": "E"}}},
            500,
            {"error": "E"},
        ),
        ({"code": "link_refused", "message": "no"}, 422, {"detail": "no", "code": "link_refused"}),
        ({"code": "worker_lost", "message": "gone"}, 500, {"detail": "gone", "id_task": "webui-api-1"}),
        (
            {
                "code": "unknown_sampler",
                "message": "m",
                "details": [{"field": "task.content.sampler_name", "message": "no"}],
            },
            422,
            {"detail": [{"loc": ["body", "sampler_name"], "msg": "no", "type": "unknown_sampler"}]},
        ),
    ],
)
def test_a_task_that_failed(client: Client, error: dict[str, Any], status: int, expected: dict[str, Any]) -> None:
    client.fail(error)
    answer = client.post("txt2img", {"prompt": "a"})
    assert answer.status == status
    assert expected.items() <= answer.body.items()


def test_a_task_that_took_too_long_or_was_cancelled(client: Client) -> None:
    client.fail({"code": "execution_timeout", "message": "too long"}, Status.TIMED_OUT)
    assert client.post("txt2img", {}).status == 504
    client.replica = lambda task_id: client.harness.repository.finish_active(
        client.harness.record(task_id), outcomes.cancelled()
    )
    assert client.post("txt2img", {}).status == 409


def test_a_task_that_goes_on_is_named(client: Client) -> None:
    client.start()
    client.replica = lambda _: None
    answer = client.post("txt2img", {"prompt": "a"})
    assert (answer.status, answer.body["id_task"]) == (504, "webui-api-2")
    assert "GET /v1alpha2/tasks/webui-api-2" in answer.body["detail"]


def test_codes_of_the_machine_are_those_of_retryable_errors() -> None:
    def subclasses(kind: type[DarkroomError]) -> set[type[DarkroomError]]:
        found = set(kind.__subclasses__())
        return found.union(*(subclasses(one) for one in found))

    retryable = {kind.code for kind in subclasses(DarkroomError) if kind.retryable}
    # TooManyActiveTasks refuses before there is a task. The other two are not retryable, and the service caused them.
    assert retryable - {TooManyActiveTasks.code} == MACHINE_CODES - {"delivery_failed", "message_lost"}


def test_a_call_that_breaks_a_limit_names_its_fields(client: Client) -> None:
    answer = client.post("txt2img", {"width": 4096, "steps": "abc"})
    assert answer.status == 422
    entries = {tuple(entry["loc"]): entry for entry in answer.body["detail"]}
    assert entries["body", "width"]["type"] == "limit_exceeded"
    assert entries["body", "steps"]["msg"] == "must be a whole number, not 'abc'"
    assert client.tasks == []
    assert client.post("img2img", {}).body["detail"][0]["loc"] == ["body", "init_images"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(AwsUnavailable("later"), 503), (InternalError("our mistake"), 500), (TooManyActiveTasks("too many"), 429)],
)
def test_our_own_errors_have_the_web_uis_form(error: DarkroomError, status: int) -> None:
    answer = response_to(error)
    assert answer.status == status
    assert {"error": "HTTPException", "detail": error.message}.items() <= answer.body.items()


def test_an_answer_too_large_for_lambda_names_links(client: Client) -> None:
    client.bodies["sdapi/v1/txt2img"] = {"parameters": {}, "info": "x" * (MAX_RESPONSE_BYTES - 10)}
    answer = client.post("txt2img", {"prompt": "a"})
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert answer.body["links"][0].startswith("https://")
    assert answer.body["response_url"].startswith("https://")
    assert "webui-api-1" in answer.body["detail"]
    # A caller that wants no pictures needs no links to them.
    client.picture, client.bodies = bytes(MAX_RESPONSE_BYTES), {}
    assert client.post("txt2img", {"prompt": "a", "send_images": False}).status == 200


def test_an_answer_too_large_by_what_it_repeats_names_links(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_calls, "MAX_RESPONSE_BYTES", 1000)
    request = {"prompt": "a", "init_images": [ENCODED.replace("=", "A" * 949)], "include_init_images": True}
    answer = client.post("img2img", request)
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert [link.partition("?")[0].rpartition("/")[2] for link in answer.body["links"]] == ["webui-api-1.png"]
    assert client.post("img2img", request | {"include_init_images": False}).status == 200


def test_an_answer_whose_outputs_were_deleted_is_gone(client: Client) -> None:
    def complete_and_delete(task_id: str) -> None:
        client.complete(task_id)
        # Another thread makes this call, because it must not count as a call of the bridge.
        with ThreadPoolExecutor() as somebody:
            somebody.submit(client.harness.s3.delete_object, Bucket="out", Key=f"{task_id}.png").result()

    client.replica = complete_and_delete
    answer = client.post("txt2img", {"prompt": "a"})
    assert (answer.status, answer.body["code"]) == (410, "output_gone")


def test_a_dynamic_runtime_lists_its_bucket_and_needs_a_choice(client: Client) -> None:
    (listed,) = client.call("GET", "/runtimes/dynamic/sdapi/v1/sd-models").body
    assert (listed["title"], listed["model_name"]) == ("painting.safetensors", "painting")
    refused = client.call("POST", "/runtimes/dynamic/sdapi/v1/txt2img", {"prompt": "a"})
    assert (refused.status, client.tasks) == (422, [])
    assert refused.body["detail"][0]["loc"] == ["body", "override_settings", "sd_model_checkpoint"]
    unknown = client.call("POST", "/runtimes/dynamic/sdapi/v1/options", {"sd_model_checkpoint": "other"})
    assert "'other' not found: it is not in the model bucket of runtime dynamic" in unknown.body["errors"]
    chosen = client.call("POST", "/runtimes/dynamic/sdapi/v1/options", {"sd_model_checkpoint": listed["title"]})
    assert (chosen.status, chosen.body) == (200, None)
    assert client.call("POST", "/runtimes/dynamic/sdapi/v1/txt2img", {"prompt": "a"}).status == 200
    assert client.harness.record(client.tasks[-1]).checkpoint == "painting.safetensors"


def test_options_are_the_callers_own(client: Client) -> None:
    assert client.post("options", {"CLIP_stop_at_last_layers": 2}).body is None
    assert client.post("options", {"tiling": "True", "sd_vae": "kl.safetensors"}).body is None
    mine = {"CLIP_stop_at_last_layers": 2, "tiling": True, "sd_vae": "kl.safetensors"}
    assert client.get("options").body == OPTIONS | mine
    assert client.get("options", key="other").body == OPTIONS
    answer = client.post("txt2img", {"override_settings": {"CLIP_stop_at_last_layers": 3}})
    assert client.content()["override_settings"] == mine | {"CLIP_stop_at_last_layers": 3}
    assert answer.body["parameters"]["override_settings"] == {"CLIP_stop_at_last_layers": 3}
    assert client.post("txt2img", {}).body["parameters"]["override_settings"] is None
    client.post("txt2img", {"prompt": "a"}, key="other")
    assert "override_settings" not in client.content()
    client.post("png-info", {"image": ENCODED})
    assert "override_settings" not in client.content()


@pytest.mark.parametrize(
    ("values", "status", "expected"),
    [
        ({"no_such_option": 1}, 500, {"error": "KeyError", "detail": "", "body": "", "errors": "'no_such_option'"}),
        ({"sd_model_checkpoint": "other.safetensors"}, 500, {"error": "RuntimeError"}),
        ({"CLIP_stop_at_last_layers": "abc"}, 422, {}),
        ({"tiling": 7}, 422, {}),
        ({"save_txt": True}, 422, {}),
    ],
)
def test_options_that_cannot_be_set_change_nothing(
    client: Client, values: dict[str, Any], status: int, expected: dict[str, Any]
) -> None:
    answer = client.post("options", {"sd_vae": "kl.safetensors"} | values)
    assert answer.status == status
    assert expected.items() <= answer.body.items()
    assert client.get("options").body == OPTIONS


def test_a_runtimes_own_model_may_be_chosen_by_any_of_its_names(client: Client) -> None:
    for name in ("v1-5-pruned-emaonly.safetensors [6ce0161689]", "v1-5-pruned-emaonly"):
        assert client.post("options", {"sd_model_checkpoint": name}).status == 200
        assert client.post("txt2img", {"prompt": "a"}).status == 200


def test_progress_is_that_of_the_callers_running_task(client: Client) -> None:
    idle = client.get("progress").body
    assert (idle["progress"], idle["state"]["job_count"]) == (0, 0)
    client.replica = client.harness.claim
    assert client.post("png-info", {"image": ENCODED}).status == 504
    assert client.get("progress").body == idle, "the Web UI shows generations only"
    task_id = client.start()
    run = client.harness.record(task_id).run_id
    request = report_progress(Lease(task_id, run, "replica"), ProgressReport(250, SAMPLING))
    client.harness.dynamodb.update_item(TableName="tasks", **request)
    started_at_ms = client.harness.record(task_id).started_at_ms
    assert started_at_ms is not None
    client.harness.now_ms = started_at_ms + 10_000
    running = client.get("progress").body
    assert (running["progress"], running["eta_relative"], running["state"]["job"]) == (0.25, 30, task_id)
    assert SAMPLING.items() <= running["state"].items()
    assert client.get("progress", key="other").body["state"]["job_count"] == 0
    assert client.call("GET", "/runtimes/dynamic/sdapi/v1/progress").body["state"]["job_count"] == 0
    client.harness.finish(task_id, Outcome(Status.FAILED, error={"code": "c", "message": "m"}))
    assert client.get("progress").body == idle


def test_progress_of_a_task_that_waits_says_so(client: Client) -> None:
    client.start(claimed=False)
    waiting = client.get("progress").body
    assert (waiting["progress"], waiting["state"]["job_count"]) == (0, 1)
    assert waiting["textinfo"] == "waits for a replica"


@pytest.mark.parametrize(("call", "answer"), [("interrupt", {}), ("skip", None)])
def test_interrupt_ends_the_callers_running_task_and_no_other(client: Client, call: str, answer: object) -> None:
    other, waiting, running = client.start(key="other"), client.start(claimed=False), client.start()
    assert client.post(call).body == answer
    assert client.harness.record(running).interrupted_at_ms == client.harness.now_ms
    assert client.get("progress").body["state"]["interrupted"] is True
    client.harness.finish(running, Outcome(Status.FAILED, error={"code": "c", "message": "m"}))
    client.post(call)
    assert client.harness.record(waiting).status is Status.CANCELLED
    assert client.harness.record(other).interrupted_at_ms is None
    assert client.post(call).status == 200


def test_interrupt_finds_a_task_that_begins_in_that_moment(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = client.start(claimed=False)
    finish_waiting = client.harness.repository.finish_waiting

    def begin_first(*arguments: Any, **options: Any) -> bool:
        client.harness.claim(task_id)
        return bool(finish_waiting(*arguments, **options))

    monkeypatch.setattr(client.harness.repository, "finish_waiting", begin_first)
    client.post("interrupt")
    assert client.harness.record(task_id).interrupted_at_ms
