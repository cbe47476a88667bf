"""Files on their way through a network that cuts, spoils and refuses: what is in place afterwards is whole."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_image.model_downloader.errors import (
    CheckFailed,
    DiskFull,
    DownloadFailed,
    Interrupted,
    KeyRefused,
    ModelMissing,
)
from runtime_image.model_downloader.remote_file import RemoteFile
from tests.integration.model_downloader.conftest import CHECKPOINT, RANGE_BYTES, ModelWorld
from tests.integration.model_downloader.fault_proxy import Answer, Passed, cut, refuse, spoil

CONTENT = bytes(range(256)) * (5 * RANGE_BYTES // 256) + b"the last bytes"


def test_a_file_comes_in_ranges_and_is_checked(world: ModelWorld) -> None:
    progress = world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() == CONTENT
    assert not world.left_over()
    assert len(world.proxy.gets) == 6
    assert [event["checked_by"] for event in world.events if event["event"] == "model_fetched"] == ["crc32"]
    assert progress.snapshot().bytes_fetched == progress.snapshot().bytes_done == len(CONTENT)
    assert progress.snapshot().files_done == 1


def test_an_unchanged_file_is_not_fetched_again_and_a_changed_one_is(world: ModelWorld) -> None:
    world.fetch(world.put(CHECKPOINT, CONTENT))
    world.proxy.passed.clear()
    world.fetch(world.remote(CHECKPOINT))
    assert not world.proxy.gets
    world.fetch(world.put(CHECKPOINT, CONTENT[::-1]))
    assert world.content() == CONTENT[::-1]


def test_files_of_all_sizes_arrive(world: ModelWorld) -> None:
    sizes = (0, 1, RANGE_BYTES - 1, RANGE_BYTES, RANGE_BYTES + 1, 3 * RANGE_BYTES)
    files = [world.put(f"embeddings/size {size}+ü.pt", CONTENT[:size]) for size in sizes]
    world.fetch(*files)
    assert [world.content(file.key) for file in files] == [CONTENT[:size] for size in sizes]


def test_cut_connections_go_on_where_they_stopped(world: ModelWorld) -> None:
    cuts = iter((0, 1, 20_000, 65_535, 3, 17_000, 4_000, 60_000, 0, 5))

    def meddle(request: Passed, answer: Answer) -> Answer:
        after = next(cuts, None)
        return answer if after is None else cut(answer, after)

    world.proxy.meddle = meddle
    world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() == CONTENT
    # What had come before a cut did not come twice.
    assert world.proxy.bytes_sent() == len(CONTENT)


def test_a_download_that_failed_goes_on_where_it_stopped(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.proxy.meddle = lambda request, answer: (
        answer if request.range == f"bytes=0-{RANGE_BYTES - 1}" else cut(answer, 0)
    )
    with pytest.raises(DownloadFailed, match=CHECKPOINT):
        world.fetch(file)
    assert world.content() is None
    world.proxy.meddle = lambda request, answer: answer
    world.proxy.passed.clear()
    world.fetch(file)
    assert world.content() == CONTENT
    assert world.proxy.bytes_sent() < len(CONTENT)
    assert not world.left_over()


def test_what_came_of_another_object_is_not_used(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.proxy.meddle = lambda request, answer: (
        answer if request.range == f"bytes=0-{RANGE_BYTES - 1}" else cut(answer, 0)
    )
    with pytest.raises(DownloadFailed):
        world.fetch(file)
    world.proxy.meddle = lambda request, answer: answer
    world.fetch(world.put(CHECKPOINT, CONTENT[::-1]))
    assert world.content() == CONTENT[::-1]


def test_a_spoiled_file_is_never_used(world: ModelWorld) -> None:
    world.proxy.meddle = lambda request, answer: spoil(answer)
    with pytest.raises(CheckFailed, match="crc32"):
        world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() is None


def test_a_spoiled_file_does_not_replace_the_older_one(world: ModelWorld) -> None:
    world.fetch(world.put(CHECKPOINT, CONTENT))
    world.proxy.meddle = lambda request, answer: spoil(answer)
    with pytest.raises(CheckFailed):
        world.fetch(world.put(CHECKPOINT, CONTENT[::-1]))
    assert world.content() == CONTENT


def test_a_file_that_was_spoiled_once_is_fetched_again(world: ModelWorld) -> None:
    spoiled = iter([True])
    world.proxy.meddle = lambda request, answer: spoil(answer) if next(spoiled, False) else answer
    world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() == CONTENT
    assert [event["key"] for event in world.events if event["event"] == "model_begun_anew"] == [CHECKPOINT]


def test_an_object_that_is_replaced_on_the_way_arrives_as_the_new_one(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.put(CHECKPOINT, CONTENT[::-1] + b"more")
    progress = world.fetch(file)
    assert world.content() == CONTENT[::-1] + b"more"
    assert progress.snapshot().bytes_done == len(CONTENT) + len(b"more")


def test_an_object_that_keeps_changing_fails(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.proxy.meddle = lambda request, answer: replace(answer, headers={**answer.headers, "ETag": '"another"'})
    with pytest.raises(DownloadFailed, match="keeps changing"):
        world.fetch(file)
    assert world.content() is None


def test_an_object_that_vanishes_is_missing(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.s3.delete_object(Bucket=world.proxy.bucket, Key=CHECKPOINT)
    with pytest.raises(ModelMissing, match=CHECKPOINT):
        world.fetch(file)


def test_a_server_in_trouble_is_waited_for(world: ModelWorld) -> None:
    troubles = iter(["SlowDown", "InternalError", "ServiceUnavailable"])

    def meddle(request: Passed, answer: Answer) -> Answer:
        code = next(troubles, None)
        return refuse(503, code) if code else answer

    world.proxy.meddle = meddle
    world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() == CONTENT


def test_a_refusal_is_not_tried_again(world: ModelWorld) -> None:
    world.proxy.meddle = lambda request, answer: refuse(403, "AccessDenied")
    with pytest.raises(DownloadFailed, match="403 AccessDenied"):
        world.fetch(world.put(CHECKPOINT, CONTENT[:100]))
    assert len(world.proxy.gets) == 1


def test_a_server_that_sends_other_bytes_than_asked_for_is_refused(world: ModelWorld) -> None:
    world.proxy.meddle = lambda request, answer: replace(
        answer, headers={**answer.headers, "Content-Range": f"bytes 1-{RANGE_BYTES}/{len(CONTENT)}"}
    )
    with pytest.raises(DownloadFailed, match="not 'bytes"):
        world.fetch(world.put(CHECKPOINT, CONTENT))
    assert world.content() is None


def test_a_model_larger_than_the_disk_is_refused_before_anything_is_written(world: ModelWorld) -> None:
    with pytest.raises(DiskFull, match="MiB are free"):
        world.fetch(RemoteFile(CHECKPOINT, 2**60, "etag"))
    assert not [path for path in world.directory.rglob("*") if path.suffix == ".part"]
    assert not world.proxy.gets


def test_two_that_want_the_same_file_fetch_it_once(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    world.proxy.meddle = lambda request, answer: replace(answer, delay_seconds=0.01)
    threads = [threading.Thread(target=world.fetch, args=(file,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.content() == CONTENT
    assert world.proxy.bytes_sent() == len(CONTENT)


def test_what_is_not_wanted_any_more_is_kept_for_the_next_time(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    with pytest.raises(Interrupted):
        world.fetch(file, is_wanted=lambda: not any(request.sent for request in world.proxy.gets))
    assert world.content() is None
    world.proxy.passed.clear()
    world.fetch(file)
    assert world.content() == CONTENT
    assert world.proxy.bytes_sent() < len(CONTENT)


def test_what_came_of_a_file_that_nobody_wants_any_more_makes_room(world: ModelWorld) -> None:
    with pytest.raises(Interrupted):
        world.fetch(
            world.put("Lora/given-up.safetensors", CONTENT),
            is_wanted=lambda: not any(request.sent for request in world.proxy.gets),
        )
    assert world.left_over()
    world.fetch(world.put(CHECKPOINT, CONTENT), max_bytes=len(CONTENT) * 3 // 2)
    assert world.content() == CONTENT
    assert not world.left_over()


def test_what_somebody_put_in_the_place_of_a_model_never_makes_room(world: ModelWorld) -> None:
    keys = [f"Lora/{name}.safetensors" for name in ("ours", "theirs")]
    world.fetch(*(world.put(key, CONTENT) for key in keys))
    (world.directory / keys[1]).write_bytes(CONTENT[::-1])
    world.fetch(world.put(CHECKPOINT, CONTENT), max_bytes=len(CONTENT))
    assert [world.content(key) for key in (*keys, CHECKPOINT)] == [None, CONTENT[::-1], CONTENT]


def test_a_file_where_a_folder_is_needed_is_told(world: ModelWorld) -> None:
    world.fetch(world.put("embeddings/a", CONTENT))
    with pytest.raises(DownloadFailed, match="cannot be written"):
        world.fetch(world.put("embeddings/a/b.pt", CONTENT))


def test_a_file_that_came_another_way_is_taken_if_it_is_the_same(world: ModelWorld) -> None:
    file = world.put(CHECKPOINT, CONTENT)
    path = world.directory / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    world.fetch(file)
    assert not world.proxy.gets
    path.write_bytes(CONTENT[::-1])
    world.fetch(file)
    assert world.content() == CONTENT


@pytest.mark.parametrize(
    "key",
    [
        "../outside.safetensors",
        "Lora/../../outside",
        "/etc/passwd",
        "Lora//x",
        "Lora/.hidden",
        "Lora/..",
        "Lora/a\nb",
        "Lora/a\\b",
        f"Lora/{'x' * 300}",
        "led-out/x.safetensors",
    ],
)
def test_a_key_that_leads_out_of_the_folder_is_refused(world: ModelWorld, tmp_path: Path, key: str) -> None:
    world.directory.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (world.directory / "led-out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRefused):
        world.fetch(RemoteFile(key, 5, "etag"))
    assert not list((tmp_path / "elsewhere").iterdir())
