"""Files that another container replaces between their check and their use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime_image.agent.store.picture_encoder import PictureEncoder, UnreadablePicture
from runtime_image.process.engine import MadeFile
from runtime_image.process.regular_file import open_regular

SECRET = "token"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").write_text(SECRET)
    file = tmp_path.resolve() / "task" / "1.png"
    file.parent.mkdir()
    file.write_bytes(b"picture")
    return file


def by_link(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent.parent / "secret")


def by_link_of_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("moved"))
    file.parent.symlink_to(file.parent.parent / "elsewhere")


def by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def test_a_file_is_read(file: Path) -> None:
    with open_regular(file) as opened:
        assert opened.read() == b"picture"


@pytest.mark.parametrize("replace", [by_link, by_link_of_the_folder, by_pipe, by_folder])
def test_what_replaces_a_file_is_not_read(file: Path, replace: Callable[[Path], None]) -> None:
    made = MadeFile(file, "png", "image/png")
    replace(file)

    with pytest.raises(OSError), made.opened():  # noqa: PT011 - each has another number
        pytest.fail("it was opened")
    with pytest.raises(UnreadablePicture):
        PictureEncoder().thumbnail(made)
