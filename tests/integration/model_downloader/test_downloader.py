"""Downloads through a network that cuts, corrupts and refuses: the published file is whole."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_image.model_downloader import downloader
from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import (
    BucketUnreachable,
    CheckFailed,
    DiskFull,
    DownloadFailed,
    Interrupted,
    KeyRefused,
    ModelMissing,
)
from tests.integration.model_downloader.fault_proxy import ProxyRequest, ProxyResponse, corrupt, cut, refuse
from tests.integration.model_downloader.harness import CHECKPOINT, PART_BYTES, DownloaderHarness

CONTENT = bytes(range(256)) * (5 * PART_BYTES // 256) + b"the last bytes"


def test_a_file_comes_in_ranges_and_is_checked(harness: DownloaderHarness) -> None:
    progress = harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() == CONTENT
    assert not harness.unfinished()
    assert len(harness.proxy.gets) == 6
    assert [event["checked_by"] for event in harness.events if event["event"] == "model_fetched"] == ["crc32"]
    assert progress.snapshot().bytes_fetched == progress.snapshot().bytes_done == len(CONTENT)
    assert progress.snapshot().files_done == 1


def test_an_unchanged_file_is_not_fetched_again_and_a_changed_one_is(harness: DownloaderHarness) -> None:
    harness.fetch(harness.put(CHECKPOINT, CONTENT))
    harness.proxy.requests.clear()
    harness.fetch(harness.remote(CHECKPOINT))
    assert not harness.proxy.gets
    assert harness.events[-1]["event"] == "model_unchanged"
    harness.fetch(harness.put(CHECKPOINT, CONTENT[::-1]))
    assert harness.content() == CONTENT[::-1]


def test_files_of_all_sizes_arrive(harness: DownloaderHarness) -> None:
    sizes = (0, 1, PART_BYTES, PART_BYTES + 1)
    files = [harness.put(f"embeddings/size {size}+ü.pt", CONTENT[:size]) for size in sizes]
    harness.fetch(*files)
    assert [harness.content(file.key) for file in files] == [CONTENT[:size] for size in sizes]


def test_cut_connections_resume_at_the_next_byte(harness: DownloaderHarness) -> None:
    cuts = iter((0, 1, 20_000, 65_535, 3, 17_000, 4_000, 60_000, 0, 5))

    def fault(request: ProxyRequest, response: ProxyResponse) -> ProxyResponse:
        after = next(cuts, None)
        return response if after is None else cut(response, after)

    harness.proxy.fault = fault
    harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() == CONTENT
    # The bytes before a cut were not requested twice.
    assert harness.proxy.bytes_sent() == len(CONTENT)


def test_a_failed_download_resumes(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.proxy.fault = lambda request, response: (
        response if request.range == f"bytes=0-{PART_BYTES - 1}" else cut(response, 0)
    )
    with pytest.raises(BucketUnreachable, match=CHECKPOINT):
        harness.fetch(file)
    assert harness.content() is None
    harness.proxy.fault = lambda request, response: response
    harness.proxy.requests.clear()
    harness.fetch(file)
    assert harness.content() == CONTENT
    assert harness.proxy.bytes_sent() < len(CONTENT)
    assert not harness.unfinished()


def test_parts_of_another_object_are_not_used(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.proxy.fault = lambda request, response: (
        response if request.range == f"bytes=0-{PART_BYTES - 1}" else cut(response, 0)
    )
    with pytest.raises(DownloadFailed):
        harness.fetch(file)
    harness.proxy.fault = lambda request, response: response
    harness.fetch(harness.put(CHECKPOINT, CONTENT[::-1]))
    assert harness.content() == CONTENT[::-1]


def test_a_corrupted_file_is_never_used(harness: DownloaderHarness) -> None:
    harness.proxy.fault = lambda request, response: corrupt(response)
    with pytest.raises(CheckFailed, match="crc32"):
        harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() is None


def test_a_corrupted_file_does_not_replace_the_older_one(harness: DownloaderHarness) -> None:
    harness.fetch(harness.put(CHECKPOINT, CONTENT))
    harness.proxy.fault = lambda request, response: corrupt(response)
    with pytest.raises(CheckFailed):
        harness.fetch(harness.put(CHECKPOINT, CONTENT[::-1]))
    assert harness.content() == CONTENT


def test_a_file_that_was_corrupted_once_is_fetched_again(harness: DownloaderHarness) -> None:
    corrupted = iter([True])
    harness.proxy.fault = lambda request, response: corrupt(response) if next(corrupted, False) else response
    harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() == CONTENT
    assert [event["key"] for event in harness.events if event["event"] == "model_download_repeated"] == [CHECKPOINT]


def test_an_object_that_is_replaced_on_the_way_arrives_as_the_new_one(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.put(CHECKPOINT, CONTENT[::-1] + b"more")
    progress = harness.fetch(file)
    assert harness.content() == CONTENT[::-1] + b"more"
    assert progress.snapshot().bytes_done == len(CONTENT) + len(b"more")


def test_an_object_that_keeps_changing_fails(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.proxy.fault = lambda request, response: replace(response, headers={**response.headers, "ETag": '"another"'})
    with pytest.raises(DownloadFailed, match="keeps changing"):
        harness.fetch(file)
    assert harness.content() is None


def test_an_object_that_vanishes_is_missing(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.s3.delete_object(Bucket=harness.proxy.bucket, Key=CHECKPOINT)
    with pytest.raises(ModelMissing, match=CHECKPOINT):
        harness.fetch(file)


def test_server_errors_are_retried(harness: DownloaderHarness) -> None:
    troubles = iter(["SlowDown", "InternalError", "ServiceUnavailable"])

    def fault(request: ProxyRequest, response: ProxyResponse) -> ProxyResponse:
        code = next(troubles, None)
        return refuse(503, code) if code else response

    harness.proxy.fault = fault
    harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() == CONTENT


def test_a_refusal_is_not_tried_again(harness: DownloaderHarness) -> None:
    harness.proxy.fault = lambda request, response: refuse(403, "AccessDenied")
    with pytest.raises(DownloadFailed, match="AccessDenied"):
        harness.fetch(harness.put(CHECKPOINT, CONTENT[:100]))
    assert len(harness.proxy.gets) == 1


def test_a_server_that_sends_other_bytes_than_asked_for_is_refused(harness: DownloaderHarness) -> None:
    harness.proxy.fault = lambda request, response: replace(
        response, headers={**response.headers, "Content-Range": f"bytes 1-{PART_BYTES}/{len(CONTENT)}"}
    )
    with pytest.raises(DownloadFailed, match="not 'bytes"):
        harness.fetch(harness.put(CHECKPOINT, CONTENT))
    assert harness.content() is None


def test_a_model_larger_than_the_disk_is_refused_before_anything_is_written(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    with pytest.raises(DiskFull, match="MiB are free"):
        harness.fetch(replace(file, size=2**60))
    assert not harness.unfinished()
    assert not harness.proxy.gets


def test_threads_that_want_the_same_file_fetch_it_once(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    harness.proxy.fault = lambda request, response: replace(response, delay_seconds=0.01)
    threads = [threading.Thread(target=harness.fetch, args=(file,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert harness.content() == CONTENT
    assert harness.proxy.bytes_sent() == len(CONTENT)


def test_an_interrupted_download_resumes(harness: DownloaderHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloader, "CONNECTIONS", 1)
    file = harness.put(CHECKPOINT, CONTENT)
    with pytest.raises(Interrupted):
        harness.fetch(file, is_wanted=lambda: not harness.finished_parts(file))
    assert harness.content() is None
    harness.proxy.requests.clear()
    harness.fetch(file)
    assert harness.content() == CONTENT
    assert harness.proxy.bytes_sent() == len(CONTENT) - PART_BYTES


def test_an_unfinished_download_is_evicted(harness: DownloaderHarness) -> None:
    with pytest.raises(Interrupted):
        harness.fetch(
            harness.put("Lora/given-up.safetensors", CONTENT),
            is_wanted=harness.is_untouched,
        )
    assert harness.unfinished()
    harness.fetch(harness.put(CHECKPOINT, CONTENT), max_bytes=len(CONTENT) * 3 // 2)
    assert harness.content() == CONTENT
    assert not harness.unfinished()


def test_a_file_that_the_downloader_did_not_write_is_never_evicted(harness: DownloaderHarness) -> None:
    keys = [f"Lora/{name}.safetensors" for name in ("ours", "theirs")]
    harness.fetch(*(harness.put(key, CONTENT) for key in keys))
    (harness.directory / keys[1]).write_bytes(CONTENT[::-1])
    harness.fetch(harness.put(CHECKPOINT, CONTENT), max_bytes=len(CONTENT))
    assert [harness.content(key) for key in (*keys, CHECKPOINT)] == [None, CONTENT[::-1], CONTENT]


def test_a_file_in_the_place_of_a_folder_is_reported(harness: DownloaderHarness) -> None:
    harness.fetch(harness.put("embeddings/a", CONTENT))
    with pytest.raises(DownloadFailed, match="cannot be written"):
        harness.fetch(harness.put("embeddings/a/b.pt", CONTENT))


def test_a_file_that_came_another_way_is_used_if_it_is_the_same(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    path = harness.directory / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    harness.fetch(file)
    assert not harness.proxy.gets
    path.write_bytes(CONTENT[::-1])
    harness.fetch(file)
    assert harness.content() == CONTENT


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
def test_a_key_that_leads_out_of_the_folder_is_refused(harness: DownloaderHarness, tmp_path: Path, key: str) -> None:
    harness.directory.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (harness.directory / "led-out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRefused):
        harness.fetch(RemoteFile(key, 5, "etag"))
    assert not list((tmp_path / "elsewhere").iterdir())
