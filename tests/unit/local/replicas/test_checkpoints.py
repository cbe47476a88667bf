import json
from pathlib import Path
from typing import Any

from contract.routing import Runtime
from embedded_webui.models.kinds import TRAINED_MODELS
from local.replicas.checkpoints import (
    DYNAMIC_CHECKPOINTS,
    WORKFLOW_CHECKPOINT,
    checkpoint_keys,
    copy_trained_checkpoints,
    link_checkpoints,
    put_checkpoints,
    put_loras,
    put_model_keys,
)

SHAPES, CHALK = (TRAINED_MODELS / "Stable-diffusion" / f"{name}.safetensors" for name in ("shapes", "chalk"))
FIXED = Runtime(name="fixed", model_filename="styles/one.safetensors")
DYNAMIC = Runtime(name="dynamic", dynamic_model=True)
WORKFLOWS = Runtime(name="workflows", type="comfyui")


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def upload_file(self, filename: str, bucket: str, key: str) -> None:
        self.objects[f"{bucket}/{key}"] = Path(filename).read_bytes()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[f"{Bucket}/{Key}"] = Body


def models(tmp_path: Path) -> Path:
    names = [f"Stable-diffusion/{name}" for name in ("styles/one.safetensors", "two.ckpt", "notes.txt", ".x.ckpt.1")]
    for name in (*names, "checkpoints/xl.safetensors"):
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    broken = tmp_path / "models" / "Stable-diffusion" / "broken.safetensors"
    broken.unlink(missing_ok=True)
    broken.symlink_to("gone.safetensors")
    return tmp_path / "models"


def linked(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_environment_needs_the_models_of_its_runtimes() -> None:
    assert checkpoint_keys([FIXED]) == ["Stable-diffusion/styles/one.safetensors"]
    named = {f"Stable-diffusion/{name}" for name in ("styles/one.safetensors", *DYNAMIC_CHECKPOINTS)}
    assert checkpoint_keys([FIXED, DYNAMIC]) == sorted(named)
    assert checkpoint_keys([WORKFLOWS]) == [f"checkpoints/{WORKFLOW_CHECKPOINT}"]


def test_a_runtime_sees_its_own_model_and_a_dynamic_one_sees_all(tmp_path: Path) -> None:
    folders = [tmp_path / "fixed", tmp_path / "dynamic", tmp_path / "workflows"]
    for runtime, folder in zip((FIXED, DYNAMIC, WORKFLOWS), folders, strict=True):
        link_checkpoints(runtime, models=models(tmp_path), folder=folder)
    assert linked(folders[0]) == ["Stable-diffusion/styles/one.safetensors"]
    assert linked(folders[1]) == ["Stable-diffusion/styles/one.safetensors", "Stable-diffusion/two.ckpt"]
    assert linked(folders[2]) == ["checkpoints/xl.safetensors"]


def test_the_bucket_holds_whatever_the_folder_holds(tmp_path: Path) -> None:
    s3: Any = FakeS3()
    put_checkpoints(s3, "bucket", models(tmp_path), [FIXED, DYNAMIC])
    webui = {"bucket/Stable-diffusion/styles/one.safetensors", "bucket/Stable-diffusion/two.ckpt"}
    assert s3.objects.keys() == webui
    put_checkpoints(s3, "bucket", models(tmp_path), [WORKFLOWS])
    assert s3.objects.keys() == webui | {"bucket/checkpoints/xl.safetensors"}


def test_names_alone_do_for_an_external_engine() -> None:
    s3: Any = FakeS3()
    put_model_keys(s3, "bucket", ["Stable-diffusion/a.safetensors"])
    assert s3.objects == {"bucket/Stable-diffusion/a.safetensors": b""}


def test_a_models_folder_gets_the_trained_checkpoints_in_two_styles(tmp_path: Path) -> None:
    paths = [tmp_path / "any" / name for name in ("styles/one.safetensors", *DYNAMIC_CHECKPOINTS)]
    copy_trained_checkpoints(paths)
    assert [path.read_bytes() for path in paths] == [SHAPES.read_bytes(), SHAPES.read_bytes(), CHALK.read_bytes()]


def test_a_checkpoint_of_an_earlier_version_is_replaced_and_a_foreign_one_stays(tmp_path: Path) -> None:
    contents = [
        *(header({"__metadata__": metadata}) for metadata in ({"darkroom_tiny_shape": "a"}, {"darkroom_recipe": "b"})),
        *(header(content) for content in ({"__metadata__": {"format": "pt"}}, {}, [1, 2])),
        *(b"", b"short", b"\xff" * 100),
    ]
    paths = [tmp_path / f"{number}.safetensors" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    copy_trained_checkpoints(paths)
    assert [path.read_bytes() for path in paths[:2]] == [SHAPES.read_bytes()] * 2
    assert [path.read_bytes() for path in paths[2:]] == contents[2:]


def test_the_bucket_holds_the_trained_lora() -> None:
    s3: Any = FakeS3()
    put_loras(s3, "bucket")
    assert list(s3.objects) == ["bucket/Lora/ink.safetensors"]


def header(content: object) -> bytes:
    encoded = json.dumps(content).encode()
    return len(encoded).to_bytes(8, "little") + encoded
