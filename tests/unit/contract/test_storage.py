import json
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract import storage
from contract.task import ID_PATTERN, Metadata

identifiers = st.text(max_size=12, alphabet="ab./-_ \\%ä\x00") | st.from_regex(ID_PATTERN, fullmatch=True)
# Of those with a control character hardly any is accepted.
prefixes = st.text(max_size=30, alphabet="ab./\\%ä ") | st.text(max_size=30, alphabet="a/\x00") | st.text(max_size=600)


@given(identifiers, prefixes, st.integers(1, 10_000))
def test_no_accepted_id_or_prefix_leaves_its_folder(task_id: str, prefix: str, number: int) -> None:
    try:
        metadata = Metadata(id=task_id, runtime="r", tasktype="text-to-image", prefix=prefix)
    except ValidationError:
        return
    folder = storage.output_folder(metadata.prefix, metadata.id)
    for key in (
        storage.image_key(metadata.prefix, metadata.id, "1a2b", number, "png"),
        storage.response_key(metadata.prefix, metadata.id, "1a2b"),
    ):
        assert posixpath.normpath("/base/" + key) == "/base/" + key
        assert key.startswith(folder + "/")
        assert key.removeprefix(folder + "/").count("/") == 0
        assert len(key.encode()) <= 1024
    message_key = storage.message_key("sdruntime", metadata.id, "1a2b")
    assert message_key.startswith(storage.message_folder("sdruntime") + "/")
    assert posixpath.normpath("/base/" + message_key) == "/base/" + message_key


def test_keys_as_documented() -> None:
    assert storage.image_key("output", "test-t2i", "1a2b", 1, "png") == "output/test-t2i/test-t2i-1a2b-1.png"
    assert storage.response_key("output", "test-t2i", "1a2b") == "output/test-t2i/test-t2i-1a2b.out"
    assert storage.output_location("outputbucket", "output", "test-t2i") == "s3://outputbucket/output/test-t2i"


@given(st.text(), st.text())
def test_a_run_is_derived_from_its_submission(task_key: str, submission: str) -> None:
    encodable = task_key.encode(errors="replace").decode(), submission.encode(errors="replace").decode()
    run = storage.run_id_of_submission(*encodable)
    assert run == storage.run_id_of_submission(*encodable)
    assert len(run) == 16
    assert int(run, 16) >= 0


def test_no_run_of_an_id_repeats_in_a_hundred_thousand_submissions() -> None:
    runs = {storage.run_id_of_submission("a", str(number)) for number in range(100_000)}
    assert len(runs) == 100_000


def test_pointers_of_both_extended_client_libraries_are_understood() -> None:
    location = storage.S3Location("bucket", "messages/a/b.json")
    assert storage.decode_pointer(storage.encode_pointer(location)) == location
    for name in storage.POINTER_CLASSES:
        pointer = json.dumps([name, {"s3BucketName": "b", "s3Key": "k", "more": 1}])
        assert storage.decode_pointer(pointer) == storage.S3Location("b", "k")


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '["x", {}]', '["software.amazon.payloadoffloading.PayloadS3Pointer"]', "[" * 9999]
)
def test_what_is_no_pointer(body: str) -> None:
    assert storage.decode_pointer(body) is None


@given(st.text())
def test_no_body_breaks_the_pointer_reader(body: str) -> None:
    storage.decode_pointer(body)
    storage.decode_pointer("[" + body)
