"""`darkroom models` against a bucket: good models come back unchanged, and bad ones are refused."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from cli import model_store
from cli.main import main
from tests.harness.aws_endpoint import serve_aws
from tests.harness.local_endpoints import write_local_endpoints
from tests.harness.model_files import safetensors_file


@dataclass
class Shop:
    s3: Any
    state: Path
    work: Path

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, ["--state-dir", str(self.state), "models", *arguments], input=stdin)

    def file(self, name: str, content: bytes) -> str:
        path = self.work / name
        path.write_bytes(content)
        return str(path)

    def stored(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket="shop-models").get("Contents", [])]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serve_aws() as url:
        yield url


@pytest.fixture
def shop(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(model_store, "PART_BYTES", 5 * 1024 * 1024)
    write_local_endpoints(tmp_path, aws_endpoint_url=endpoint, model_bucket="shop-models")
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    s3.create_bucket(Bucket="shop-models")
    shop = Shop(s3, tmp_path, tmp_path)
    yield shop
    for key in shop.stored():
        s3.delete_object(Bucket="shop-models", Key=key)
    s3.delete_bucket(Bucket="shop-models")


def test_models_go_to_the_folder_of_their_kind_and_come_back_the_same(shop: Shop) -> None:
    small, large = safetensors_file(), safetensors_file("model.diffusion_model.x", 11 * 1024 * 1024)
    pushed = shop.run("push", shop.file("ink.safetensors", small), shop.file("photo.safetensors", large))
    assert pushed.exit_code == 0, pushed.output
    assert "uploaded: Lora/ink.safetensors (LoRA, U8)" in pushed.stdout
    assert shop.stored() == ["Lora/ink.safetensors", "Stable-diffusion/photo.safetensors"]
    listed = json.loads(shop.run("list", "--json").stdout)
    assert listed["models"][0] == {"key": "Lora/ink.safetensors", "bytes": len(small)}
    assert "ink" in shop.run("list").stdout
    pulled = shop.run("pull", *shop.stored(), "--to", str(shop.work / "models"))
    assert pulled.exit_code == 0, pulled.output
    assert (shop.work / "models/Lora/ink.safetensors").read_bytes() == small
    assert (shop.work / "models/Stable-diffusion/photo.safetensors").read_bytes() == large
    assert shop.run("verify").exit_code == 0


def test_the_same_model_is_not_uploaded_again_and_another_only_if_asked_for(shop: Shop) -> None:
    path = shop.file("ink.safetensors", safetensors_file())
    assert shop.run("push", path).exit_code == 0
    assert "unchanged" in shop.run("push", path).stdout
    shop.file("ink.safetensors", safetensors_file())
    refused = shop.run("push", path)
    assert (refused.exit_code, "use --replace to overwrite it" in refused.stderr) == (3, True)
    assert "it has the same size and SHA-256" in refused.stderr
    shop.file("ink.safetensors", safetensors_file(size=2000))
    refused = shop.run("push", path)
    assert re.search(r"it has [\d,]+ bytes, uploaded \S+ \S+ UTC, the file 2,\d+;", refused.stderr), refused.stderr
    assert shop.run("push", "--replace", path).exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "arguments", "words"),
    [
        ("cut.safetensors", safetensors_file()[:-1], [], "not whole"),
        ("text.safetensors", b"not a model at all", [], "claims"),
        ("odd.safetensors", safetensors_file("something"), [], "--folder"),
        ("old.ckpt", b"pickle", [], "--allow-code"),
        ("old.ckpt", b"pickle", ["--allow-code"], "--folder"),
        ("photo.yaml", b"model: {target: os.system}", ["--folder", "Stable-diffusion"], "--allow-code"),
        ("hubconf.py", b"", ["--folder", "ESRGAN"], "--allow-code"),
        ("old.pt", b"pickle", ["--folder", "VAE"], "--allow-code"),
        ("old.pth", b"pickle", ["--folder", "ESRGAN"], "--allow-code"),
        ("old.bin", b"pickle", ["--folder", "Lora"], "--allow-code"),
        ("old.PTH", b"pickle", ["--folder", "ESRGAN", "--allow-code"], "is not a model file"),
        ("notes.md", b"text", [], "is not a model file"),
        ("ink.safetensors", safetensors_file(), ["--folder", "../elsewhere"], "lead out"),
    ],
    # Not the random content: each process of the suite must find the same tests.
    ids=[
        *("cut", "no header", "unknown kind", "pickle", "pickle without folder", "configuration", "python"),
        *("pt", "pth", "bin", "capitals", "no model", "folder outside"),
    ],
)
def test_what_should_not_be_uploaded_is_refused(
    shop: Shop, name: str, content: bytes, arguments: list[str], words: str
) -> None:
    result = shop.run("push", shop.file(name, content), *arguments)
    assert result.exit_code == 3, result.output
    assert words in result.stderr
    assert not shop.stored()


def test_one_bad_file_keeps_all_from_being_uploaded(shop: Shop) -> None:
    assert (
        shop.run("push", shop.file("a.safetensors", safetensors_file()), shop.file("b.safetensors", b"x")).exit_code
        == 3
    )
    assert not shop.stored()


def test_what_can_run_code_goes_up_with_a_warning(shop: Shop) -> None:
    result = shop.run("push", shop.file("old.ckpt", b"x"), "--allow-code", "--folder", "Stable-diffusion")
    assert result.exit_code == 0, result.output
    assert "warning" in result.stderr
    assert shop.stored() == ["Stable-diffusion/old.ckpt"]


@pytest.mark.parametrize(
    ("folder", "warning"),
    [
        ("Stable-difusion", "did you mean Stable-diffusion?"),
        ("difusion_models", "did you mean diffusion_models?"),
        ("mine", "known folders are BLIP, CLIP"),
        ("Lora/people", ""),
        ("loras", ""),
        ("unet", ""),
    ],
)
def test_a_folder_that_no_engine_reads_is_warned_about(shop: Shop, folder: str, warning: str) -> None:
    result = shop.run("push", shop.file("ink.safetensors", safetensors_file()), "--folder", folder)
    assert result.exit_code == 0, result.output
    assert warning in result.stderr
    assert bool(result.stderr) == bool(warning)
    assert shop.stored() == [f"{folder}/ink.safetensors"]


def test_every_command_prints_one_object(shop: Shop) -> None:
    path = shop.file("ink.safetensors", safetensors_file())
    key = "Lora/ink.safetensors"
    printed = [
        json.loads(shop.run(*arguments, "--json").stdout)["models"]
        for arguments in (
            ("push", path),
            ("push", path),
            ("verify",),
            ("pull", key, "--to", str(shop.work / "models")),
            ("remove", key, "--yes"),
            ("list",),
        )
    ]
    assert printed == [
        [{"key": key, "result": "uploaded"}],
        [{"key": key, "result": "unchanged"}],
        [{"key": key, "problem": None}],
        [{"key": key, "path": str(shop.work / "models" / key)}],
        [{"key": key, "result": "removed"}],
        [],
    ]


def test_styles_have_their_own_place(shop: Shop) -> None:
    result = shop.run("push", shop.file("styles.csv", b"name,prompt,negative_prompt\nnoir,dark,\n"))
    assert result.exit_code == 0, result.output
    assert shop.stored() == ["styles/styles.csv"]


def test_a_model_that_was_changed_in_the_bucket_is_found_and_not_pulled(shop: Shop) -> None:
    content = safetensors_file()
    shop.run("push", shop.file("ink.safetensors", content))
    metadata = shop.s3.head_object(Bucket="shop-models", Key="Lora/ink.safetensors")["Metadata"]
    changed = content[:-1] + bytes([content[-1] ^ 1])
    shop.s3.put_object(Bucket="shop-models", Key="Lora/ink.safetensors", Body=changed, Metadata=metadata)
    shop.s3.put_object(Bucket="shop-models", Key="Lora/cut.safetensors", Body=content[:-1])
    verified = shop.run("verify")
    assert verified.exit_code == 1
    assert "BROKEN: Lora/ink.safetensors: its checksum" in verified.stdout
    assert "BROKEN: Lora/cut.safetensors: its tensors" in verified.stdout
    assert shop.run("pull", "Lora/ink.safetensors", "--to", str(shop.work / "models")).exit_code == 3
    assert not (shop.work / "models/Lora/ink.safetensors").exists()
    # Nor does it take the place of a good one.
    (shop.work / "models/Lora/ink.safetensors").write_bytes(content)
    assert shop.run("pull", "Lora/ink.safetensors", "--to", str(shop.work / "models")).exit_code == 3
    assert [path.name for path in (shop.work / "models/Lora").iterdir()] == ["ink.safetensors"]
    assert (shop.work / "models/Lora/ink.safetensors").read_bytes() == content


def test_models_are_removed_after_a_question(shop: Shop) -> None:
    shop.run("push", shop.file("ink.safetensors", safetensors_file()))
    assert shop.run("remove", "Lora/ink.safetensors", stdin="n\n").exit_code == 130
    assert shop.stored()
    assert shop.run("remove", "Lora/ink.safetensors", "--yes").exit_code == 0
    assert not shop.stored()
    assert shop.run("remove", "Lora/ink.safetensors", "--yes").exit_code == 3


def test_a_bucket_that_is_not_there_is_told(shop: Shop) -> None:
    endpoints = json.loads((shop.state / "endpoints.json").read_text())
    write_local_endpoints(shop.state, **endpoints | {"model_bucket": "another-one"})
    result = shop.run("list")
    assert (result.exit_code, "cannot be used" in result.stderr) == (4, True)
