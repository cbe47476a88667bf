"""Lock files of everything that set-up, deployment and the image's build install: each entry has a hash."""

import json
import re
import subprocess

import pytest

from tests.conventions.language import PROJECT

REQUIREMENTS = (
    "requirements.txt",
    "lambdas/requirements.txt",
    "lambdas/mcp_api/requirements.txt",
    "runtime_image/requirements.lock",
    "runtime_image/webui-requirements.lock",
)


@pytest.mark.parametrize("file", REQUIREMENTS)
def test_every_package_has_a_version_and_a_hash(file: str) -> None:
    entries = re.split(r"\n(?=\S)", (PROJECT / file).read_text().strip())
    assert len(entries) > 5
    assert not [
        entry for entry in entries if not re.match(r"[\w.-]+==\S+(?: ;.+)? \\\n +--hash=sha256:[0-9a-f]{64}", entry)
    ]


def test_every_npm_package_has_a_version_and_a_hash() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    asked = json.loads((PROJECT / "package.json").read_text())["devDependencies"]
    root = lock.pop("")
    assert root["devDependencies"] == asked
    assert asked.items() <= {name.removeprefix("node_modules/"): item["version"] for name, item in lock.items()}.items()
    assert not [name for name, item in lock.items() if not item.get("integrity", "").startswith("sha512-")]


def test_set_up_compares_hashes() -> None:
    command = ["make", "--dry-run", "--always-make", "setup", "UV_FIND_LINKS="]
    steps = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"pip install .*--require-hashes --requirement \S+/uv\.txt", steps)
    assert "--no-hashes" not in steps
    assert "cat .venv/locked.txt > .venv/constraints.txt" in steps
    assert re.search(r"npm\(.* ci ", steps)


def test_only_torch_of_a_folder_is_not_compared() -> None:
    locked = "torch==2.13.0 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\ntqdm==4.67.1 \\\n    --hash=sha256:c\n"
    command = ["make", "--silent", "--eval", "strip:\n\t@$(WITHOUT_HASHES_OF_TORCH)", "strip"]
    result = subprocess.run(command, cwd=PROJECT, input=locked, capture_output=True, text=True, check=True)
    assert result.stdout == "torch==2.13.0\ntqdm==4.67.1 \\\n    --hash=sha256:c\n"


@pytest.mark.parametrize(
    ("module", "source"),
    [("preact", "preact/dist/preact"), ("hooks", "preact/hooks/dist/hooks"), ("htm", "htm/dist/htm")],
)
def test_the_library_of_the_console_is_the_pinned_one(module: str, source: str) -> None:
    released = (PROJECT / "node_modules" / f"{source}.mjs").read_text()
    vendored = (PROJECT / "console" / "vendor" / f"{module}.mjs").read_text()
    expected = re.sub(r"^//# sourceMappingURL=.*\n?", "", released, flags=re.MULTILINE)
    assert vendored == expected.replace('from"preact"', 'from"./preact.mjs"'), "run `make vendor`"


@pytest.mark.parametrize("name", ["preact", "htm"])
def test_the_library_of_the_console_has_its_licence(name: str) -> None:
    released = (PROJECT / "node_modules" / name / "LICENSE").read_text()
    assert (PROJECT / "console" / "page" / f"LICENSE.{name}").read_text() == released
