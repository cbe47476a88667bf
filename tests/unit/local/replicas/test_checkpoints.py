from pathlib import Path
from typing import Any

from contract.routing import Runtime
from local.replicas.checkpoints import (
    DYNAMIC_CHECKPOINTS,
    checkpoint_names,
    link_checkpoints,
    put_checkpoint_names,
    put_checkpoints,
)

FIXED = Runtime(name="fixed", model_filename="styles/one.safetensors")
DYNAMIC = Runtime(name="dynamic", dynamic_model=True)


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, str] = {}

    def upload_file(self, filename: str, bucket: str, key: str) -> None:
        self.objects[f"{bucket}/{key}"] = Path(filename).read_text()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[f"{Bucket}/{Key}"] = Body.decode()


def models(tmp_path: Path) -> Path:
    for name in ("styles/one.safetensors", "two.ckpt", "notes.txt", ".three.safetensors.123"):
        path = tmp_path / "models" / "Stable-diffusion" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "models"


def linked(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_environment_needs_the_models_of_its_runtimes() -> None:
    assert checkpoint_names([FIXED]) == ["styles/one.safetensors"]
    assert checkpoint_names([FIXED, DYNAMIC]) == sorted({"styles/one.safetensors", *DYNAMIC_CHECKPOINTS})


def test_a_runtime_sees_its_own_model_and_a_dynamic_one_sees_all(tmp_path: Path) -> None:
    folders = [tmp_path / "fixed", tmp_path / "dynamic"]
    for runtime, folder in zip((FIXED, DYNAMIC), folders, strict=True):
        link_checkpoints(runtime, models=models(tmp_path), folder=folder)
    assert linked(folders[0]) == ["Stable-diffusion/styles/one.safetensors"]
    assert linked(folders[1]) == ["Stable-diffusion/styles/one.safetensors", "Stable-diffusion/two.ckpt"]


def test_the_bucket_holds_whatever_the_folder_holds(tmp_path: Path) -> None:
    s3: Any = FakeS3()
    put_checkpoints(s3, "bucket", models(tmp_path))
    assert s3.objects == {
        "bucket/Stable-diffusion/styles/one.safetensors": "styles/one.safetensors",
        "bucket/Stable-diffusion/two.ckpt": "two.ckpt",
    }


def test_names_alone_do_for_a_foreign_web_ui() -> None:
    s3: Any = FakeS3()
    put_checkpoint_names(s3, "bucket", ["a.safetensors"])
    assert s3.objects == {"bucket/Stable-diffusion/a.safetensors": ""}
