"""Two keys and an administrator: nothing of a tenant is visible to another one."""

import json
from uuid import UUID

import pytest

from contract.errors import DarkroomError, InvalidTask, TaskNotFound
from contract.record import Record, Status
from contract.storage import encode_pointer
from contract.tenancy import SHARED, OutputDestination, Tenancy, Tenant
from contract.transitions import Outcome
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.http.application import Caller
from lambdas.read_task.task_reader import TaskReader
from lambdas.route_tasks.task_router import TaskRouter
from lambdas.runpod_api import endpoint as runpod_endpoint
from lambdas.runpod_api.endpoint import RunpodEndpoint
from lambdas.runpod_api.jobs import RunpodJobs
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from task_store.active_runs import ActiveRuns
from task_store.envelope import Delivery
from tests.unit.lambdas.harness import Harness, MakeTask

TENANCY = Tenancy(names=("shop", "guest", "boss"), administrators=("boss",), publishers={"arn:batch": "batch"})
SHOP, GUEST, BOSS = (TENANCY.of_key(name) for name in ("shop", "guest", "boss"))


def submit(harness: Harness, make_task: MakeTask, tenant: Tenant, task_id: str = "a", **metadata: object) -> Record:
    body = make_task(task_id, **metadata)
    submission_id = f"{tenant.name}-{task_id}-{harness.now_ms}"
    return harness.submit(body, submission_id, tenant=tenant, key_name=tenant.name)


@pytest.fixture
def reader(harness: Harness) -> TaskReader:
    return harness.reader()


@pytest.fixture
def jobs(harness: Harness) -> RunpodJobs:
    return RunpodJobs(tasks=harness.tasks(), now_ms=lambda: harness.now_ms, new_uuid=lambda: UUID(int=1))


@pytest.fixture
def endpoint(harness: Harness) -> RunpodEndpoint:
    return RunpodEndpoint(
        catalogue=harness.catalogue,
        repository=harness.repository,
        now_ms=lambda: harness.now_ms,
        clock=lambda: 0.0,
    )


def route(harness: Harness, delivery: Delivery) -> None:
    router = TaskRouter(
        task_bucket=harness.task_bucket,
        submission=harness.submission,
        completion_topic=harness.completion_topic,
        tenancy=TENANCY,
    )
    router.route(delivery)


def dead_letters(harness: Harness) -> DeadLetterProcessor:
    return DeadLetterProcessor(
        repository=harness.repository,
        task_bucket=harness.task_bucket,
        completion_topic=harness.completion_topic,
        tenancy=TENANCY,
    )


def test_two_tenants_use_one_id(harness: Harness, make_task: MakeTask, reader: TaskReader) -> None:
    first = submit(harness, make_task, SHOP, context="shop's")
    second = submit(harness, make_task, GUEST, context="guest's")
    assert (first.id, second.id) == ("a", "a")
    assert first.run_id != second.run_id
    assert reader.show("a", tenant=SHOP)["context"] == "shop's"
    assert reader.show("a", tenant=GUEST)["context"] == "guest's"
    reader.cancel("a", tenant=GUEST)
    assert reader.show("a", tenant=SHOP)["status"] == "IN_QUEUE"


@pytest.mark.parametrize("task_id", ["a", "shop:a", "guest:shop:a"])
def test_the_task_of_another_tenant_is_not_found(
    harness: Harness, make_task: MakeTask, reader: TaskReader, jobs: RunpodJobs, task_id: str
) -> None:
    record = submit(harness, make_task, SHOP, webhook="https://shop.example/hook")
    harness.repository.finish_active(record, Outcome(Status.FAILED, error={"code": "failed", "message": "x"}))
    caller = Caller("request", "guest", GUEST)
    for attack in (
        lambda: reader.show(task_id, tenant=GUEST),
        lambda: reader.show(task_id, {"inline": "true"}, tenant=GUEST),
        lambda: reader.cancel(task_id, tenant=GUEST),
        lambda: reader.redeliver_webhook(task_id, tenant=GUEST),
        lambda: jobs.status("sdruntime", task_id, tenant=GUEST),
        lambda: jobs.stream("sdruntime", task_id, tenant=GUEST),
        lambda: jobs.cancel("sdruntime", task_id, tenant=GUEST),
        lambda: jobs.retry("sdruntime", task_id, caller=caller),
    ):
        with pytest.raises(TaskNotFound):
            attack()
    assert harness.record(record.key) == harness.repository.read("shop:a")
    assert harness.webhooks.sent == []


def test_an_administrator_cancels_the_tasks_of_a_revoked_key(
    harness: Harness, make_task: MakeTask, reader: TaskReader, endpoint: RunpodEndpoint
) -> None:
    for task_id in "ab":
        submit(harness, make_task, Tenant("revoked"), task_id)
    assert reader.cancel("revoked:a", tenant=BOSS)["status"] == "CANCELLED"
    assert endpoint.purge("sdruntime", deadline=1.0, tenant=BOSS)["removed"] == 1
    with pytest.raises(TaskNotFound):
        reader.show("revoked:a", tenant=SHOP)


def test_lists_health_and_purge_hold_a_tenants_own_tasks(
    harness: Harness, make_task: MakeTask, reader: TaskReader, endpoint: RunpodEndpoint
) -> None:
    for tenant, ids in ((SHOP, "abc"), (GUEST, "ad")):
        for task_id in ids:
            harness.now_ms += 1
            submit(harness, make_task, tenant, task_id)
    assert [task["id"] for task in reader.list({}, tenant=GUEST)["tasks"]] == ["d", "a"]
    listed = reader.list({"limit": "3"}, tenant=BOSS)
    rest = reader.list({"limit": "3", "next": listed["next"] or ""}, tenant=BOSS)
    assert [task["id"] for task in (*listed["tasks"], *rest["tasks"])] == [
        "guest:d",
        "guest:a",
        "shop:c",
        "shop:b",
        "shop:a",
    ]
    assert endpoint.health("sdruntime", tenant=GUEST)["jobs"]["inQueue"] == 2
    assert endpoint.purge("sdruntime", deadline=1.0, tenant=GUEST) == {"removed": 2, "status": "completed"}
    assert endpoint.health("sdruntime", tenant=SHOP)["jobs"]["inQueue"] == 3
    assert endpoint.health("sdruntime", tenant=BOSS)["jobs"]["inQueue"] == 3


def test_the_counted_jobs_have_one_bound_for_all_tenants(
    harness: Harness, make_task: MakeTask, endpoint: RunpodEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runpod_endpoint, "PAGE_SIZE", 1)
    monkeypatch.setattr(runpod_endpoint, "MAX_COUNTED_PAGES", 7)
    for number in range(4):
        for tenant in (SHOP, GUEST):
            submit(harness, make_task, tenant, f"t{number}")
            key = tenant.key_of(f"t{number}")
            harness.claim(key)
            harness.finish(key, Outcome(Status.COMPLETED))
    assert endpoint.health("sdruntime", tenant=SHOP)["jobs"]["completed"] == 4
    # Two of each tenant: the seventh page would be the third one of a single tenant.
    assert endpoint.health("sdruntime", tenant=BOSS)["jobs"]["completed"] == 4


def test_a_token_of_another_tenants_list_opens_nothing(
    harness: Harness, make_task: MakeTask, reader: TaskReader
) -> None:
    for task_id in "abc":
        harness.now_ms += 1
        submit(harness, make_task, SHOP, task_id)
    token = reader.list({"limit": "1"}, tenant=SHOP)["next"]
    assert token is not None
    assert reader.list({"next": token}, tenant=GUEST)["tasks"] == []


def test_an_administrator_sees_and_cancels_the_tasks_of_others(
    harness: Harness, make_task: MakeTask, reader: TaskReader
) -> None:
    submit(harness, make_task, SHOP)
    assert reader.show("shop:a", tenant=BOSS)["id"] == "shop:a"
    assert reader.cancel("shop:a", tenant=BOSS)["status"] == "CANCELLED"
    with pytest.raises(TaskNotFound):
        reader.show("a", tenant=BOSS)


def test_what_a_topic_delivers_belongs_to_its_publisher(harness: Harness, make_task: MakeTask) -> None:
    for topic in ("arn:entry", "arn:batch"):
        route(harness, Delivery(f"m-{topic}", json.dumps(make_task("a")), {}, topic))
    assert harness.record("shop:a").tenant == "shop"
    assert harness.record("batch:a").tenant == "batch"
    assert harness.completion_topic.sent == []


def test_a_message_of_a_publisher_cannot_end_the_task_of_another(harness: Harness, make_task: MakeTask) -> None:
    submit(harness, make_task, SHOP)
    [(body, _)] = harness.task_topic.sent
    processor = dead_letters(harness)
    processor.process(Delivery("m", body, {}, "arn:batch"))
    assert harness.record("shop:a").status is Status.IN_QUEUE
    [(_, attributes)] = harness.completion_topic.sent
    assert attributes["tenant"] == "batch"
    processor.process(Delivery("m", body, {}))
    assert harness.record("shop:a").status is Status.FAILED


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("arn:batch", "messages/a/0123456789abcdef.json"),
        ("arn:batch", "uploads/shop/secret.png"),
        ("arn:batch", "tenants/shop/one.json"),
        ("arn:batch", "elsewhere/one.json"),
        ("arn:batch", "tenants/batch/../shop/one.json"),
        ("arn:entry", "messages/a/0123456789abcdef.json"),
        ("arn:entry", "webui/sdruntime/options/guest.json"),
        ("arn:entry", "unreadable/m.json"),
        ("arn:entry", "tenants/batch/one.json"),
        ("arn:entry", "x/../messages/one.json"),
    ],
)
def test_a_pointer_reaches_nothing_of_another_tenant(
    harness: Harness, make_task: MakeTask, topic: str, key: str
) -> None:
    harness.task_bucket.put(key, json.dumps(make_task("stolen")))
    route(harness, Delivery("m", encode_pointer(harness.task_bucket.location(key)), {}, topic))
    assert harness.task_topic.sent == []
    [(body, attributes)] = harness.completion_topic.sent
    assert "its sender must not read" in json.loads(body)["error"]["message"]
    assert attributes["tenant"] == TENANCY.of_topic(topic).name
    dead_letters(harness).process(Delivery("m", encode_pointer(harness.task_bucket.location(key)), {}, topic))
    (callback, _) = harness.completion_topic.sent[-1]
    assert json.loads(callback)["context"] is None, "the dead letter repeats nothing of another tenant"


@pytest.mark.parametrize(("topic", "key"), [("arn:batch", "tenants/batch/one.json"), ("arn:entry", "mine/one.json")])
def test_a_pointer_reaches_what_its_sender_stored(harness: Harness, make_task: MakeTask, topic: str, key: str) -> None:
    harness.task_bucket.put(key, json.dumps(make_task("mine")))
    route(harness, Delivery("m", encode_pointer(harness.task_bucket.location(key)), {}, topic))
    assert len(harness.task_topic.sent) == 1


def test_an_agent_claims_the_task_of_the_right_tenant(harness: Harness, make_task: MakeTask) -> None:
    submit(harness, make_task, SHOP)
    submit(harness, make_task, GUEST)
    messages = [json.loads(body) for body, _ in harness.task_topic.sent]
    assert [message["tenant"] for message in messages] == ["shop", "guest"]
    assert [message["task"]["metadata"]["id"] for message in messages] == ["a", "a"]


def test_a_retry_counts_for_the_key_that_asks_for_it(harness: Harness, make_task: MakeTask) -> None:
    runs = ActiveRuns(client=harness.dynamodb, table_name="tasks")
    limit = ActiveTaskLimit(runs=runs, repository=harness.repository, limit=1)
    limited = harness.submission_of(harness.catalogue, limit)
    failed = Outcome(Status.FAILED, error={"code": "failed", "message": "x"})
    for task_id in "ab":
        record = submit(harness, make_task, SHOP, task_id)
        harness.repository.finish_active(record, failed)
    first = limited.retry(harness.record("shop:a"), submission_id="r-1", key_name="boss")
    assert (first.tenant, first.key_name) == ("shop", "boss")
    assert runs.reserved_at_ms("shop") is None
    with pytest.raises(DarkroomError, match="1 tasks of the key boss"):
        limited.retry(harness.record("shop:b"), submission_id="r-2", key_name="boss")


def test_each_tenant_may_have_pictures_copied_to_its_own_places(harness: Harness, make_task: MakeTask) -> None:
    tenancy = TENANCY.model_copy(
        update={
            "destinations": (
                OutputDestination(place="gallery/shop", tenants=("shop",)),
                OutputDestination(place="everyone"),
            )
        }
    )

    def send(task_id: str, key: str, destination: str) -> str:
        body = make_task(task_id, output={"destination": destination})
        try:
            harness.submit(body, task_id, tenant=tenancy.of_key(key))
        except InvalidTask as error:
            (detail,) = error.details
            assert (detail.field, detail.code) == ("task.metadata.output.destination", "destination_not_allowed")
            return detail.message
        return ""

    assert send("a", "shop", "s3://gallery/shop") == ""
    assert send("b", "shop", "s3://gallery/shop/cats/") == ""
    assert send("c", "guest", "s3://everyone/cats") == ""
    assert send("d", "guest", "s3://gallery/shop") == "is not allowed; write a folder below s3://everyone"
    assert "s3://gallery/shop, s3://everyone" in send("e", "shop", "s3://gallery/shopping")
    assert send("f", "shop", "s3://elsewhere/cats")
    with pytest.raises(InvalidTask, match="the environment names none"):
        harness.submit(make_task("g", output={"destination": "s3://everyone/cats"}), "g", tenant=SHARED)
