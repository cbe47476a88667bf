"""Code bundle of all functions: our packages and the libraries that they require, bundled without Docker."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling, aws_lambda

from stacks.config.function_target import FunctionTarget

PACKAGES: Final = ("contract", "guarded_http", "task_store", "lambdas")
#: Files that the functions read: the description of the API, the page that renders it, and ComfyUI's nodes.
READ_FILES: Final = (
    "docs/reference/openapi.json",
    "lambdas/http/description.html",
    "contract/pipeline/core_nodes.json",
)
#: Page that the functions serve below /console/.
CONSOLE_FOLDER: Final = "console/page"
#: Every library with its version and hashes, so that a bundle made next year is the one that was tested. `make lock`
#: leaves boto3 and botocore out: the Lambda runtime provides them, and the latter alone has 25 MB.
REQUIREMENTS: Final = "lambdas/requirements.txt"
#: The libraries of `mcp_api`. They make the bundle four times as large, so no other function has them.
MCP_REQUIREMENTS: Final = "lambdas/mcp_api/requirements.txt"


def lambda_code(root: Path, target: FunctionTarget, requirements: str = REQUIREMENTS) -> aws_lambda.Code:
    """Return the code of functions, made from the project at `root` for the functions' processors and Python.

    Its hash covers the bundled files only, so a change elsewhere in the project deploys no function again.
    """
    return aws_lambda.Code.from_asset(
        str(root),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=bundle_hash(root, target, requirements),
        bundling=BundlingOptions(
            image=DockerImage.from_registry("unused"), local=_LocalBundling(root, target, requirements)
        ),
    )


def bundled_files(root: Path) -> Iterator[Path]:
    """Yield our own files of the bundle in a fixed order."""
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))
    yield from (root / name for name in READ_FILES)
    yield from sorted(file for file in (root / CONSOLE_FOLDER).rglob("*") if file.is_file())


def bundle_hash(root: Path, target: FunctionTarget, requirements: str = REQUIREMENTS) -> str:
    """Return the hash of all sources of the bundle."""
    digest = hashlib.sha256(f"{target.python} {target.wheel_platform}".encode())
    for file in (root / requirements, *bundled_files(root)):
        content = file.read_bytes()
        digest.update(f"\n{file.relative_to(root)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def make_bundle(root: Path, target: FunctionTarget, output: Path, requirements: str = REQUIREMENTS) -> None:
    """Write the content of a function's code folder to `output`."""
    _install_libraries(root / requirements, target, output)
    for file in bundled_files(root):
        copy = output / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _install_libraries(requirements: Path, target: FunctionTarget, output: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(output)]
    command += ["--python-platform", target.wheel_platform, "--python-version", target.python]
    command += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirements", str(requirements)]
    # The output goes to stderr, because the CDK command line reads stdout.
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603  # our own arguments
    # Remove the libraries' command line programs, because they name this machine's Python.
    shutil.rmtree(output / "bin", ignore_errors=True)


@jsii.implements(ILocalBundling)
class _LocalBundling:
    def __init__(self, root: Path, target: FunctionTarget, requirements: str) -> None:
        self._root = root
        self._target = target
        self._requirements = requirements

    def try_bundle(self, output_dir: str, *_: object, **_options: object) -> bool:
        make_bundle(self._root, self._target, Path(output_dir), self._requirements)
        return True
