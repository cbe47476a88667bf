"""`darkroom models`: push, list, pull, verify and remove models of an environment's bucket."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from cli.errors import Refused, Unhealthy
from cli.model_store import ModelStore, StoredModel, checksum_of
from cli.session import Session, command
from contract.routing import is_checkpoint_name
from contract.safetensors_header import SAFETENSORS, BrokenModel, ModelHeader, read_header

#: Endings of files that can run code: pickles, Python, and a checkpoint's configuration, which names what to import.
CODE: Final = frozenset({".ckpt", ".pt", ".pth", ".bin", ".py", ".yaml"})
#: Bytes of a stored model that are kept to read its header from: those of the largest models have a tenth of it.
HEADER_BYTES: Final = 16 * 1024 * 1024
#: File of the prompt styles, and its folder.
STYLES: Final = "styles.csv"
STYLES_FOLDER: Final = "styles"


@click.group()
def models() -> None:
    """Keep the models of an environment: `Stable-diffusion/`, `Lora/`, `VAE/` and the Web UI's other folders."""


@models.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--folder", help="Folder of the bucket; by default that of the kind of model.")
@click.option("--allow-code", is_flag=True, help="Also accept files that can run code: .ckpt .pt .pth .bin .py .yaml.")
@click.option("--replace", is_flag=True, help="Replace a model of the same name that is another.")
@command
def push(session: Session, files: tuple[Path, ...], folder: str | None, allow_code: bool, replace: bool) -> None:
    """Upload model FILES, each checked before."""
    store = _store(session)
    targets = {path: _target(path, folder, session.console, allow_code=allow_code) for path in files}
    if len({key for key, _ in targets.values()}) < len(targets):
        raise Refused("two of the files would get the same name in the bucket")
    present = {model.key: model for model in store.list()}
    for path, (key, header) in targets.items():
        if (known := present.get(key)) and not replace:
            if known.size == path.stat().st_size and store.checksum(known) == checksum_of(path, lambda _: None):
                session.console.print(f"unchanged: {key}")
                continue
            raise Refused(f"{store.bucket} holds another {key}; with --replace it would be replaced")
        with _bar(session.console, key, path.stat().st_size) as advance:
            store.push(path, key, advance)
        kind = f" ({header.type.value}, {header.dtype})" if header and header.type else ""
        session.console.print(f"uploaded: {key}{kind}")


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the models as JSON.")
@command
def list_models(session: Session, as_json: bool) -> None:
    """List the models in the bucket."""
    found = list(_store(session).list())
    if as_json:
        click.echo(json.dumps([{"key": model.key, "bytes": model.size} for model in found], indent=2))
        return
    table = Table("model", "MB", box=None)
    for model in found:
        table.add_row(model.key, f"{model.size / 1e6:,.1f}")
    Console().print(table)


@models.command()
@click.argument("keys", nargs=-1, required=True)
@click.option(
    "--to",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="A models folder; by default the current one.",
)
@command
def pull(session: Session, keys: tuple[str, ...], directory: Path) -> None:
    """Download the models KEYS (such as Lora/ink.safetensors) into their folders."""
    store = _store(session)
    for model in _find(store, keys):
        path = directory / _checked_key(model.key)
        with _bar(session.console, model.key, model.size) as advance:
            store.pull(model, path, advance)
        session.console.print(f"saved {path}")


@models.command()
@click.argument("keys", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def remove(session: Session, keys: tuple[str, ...], yes: bool) -> None:
    """Remove the models KEYS from the bucket."""
    store = _store(session)
    found = _find(store, keys)
    if not yes:
        click.confirm(f"Remove {', '.join(model.key for model in found)} from {store.bucket}?", abort=True, err=True)
    for model in found:
        store.remove(model)
        session.console.print(f"removed: {model.key}")


@models.command()
@click.argument("keys", nargs=-1)
@command
def verify(session: Session, keys: tuple[str, ...]) -> None:
    """Read the models KEYS (default: all) from the bucket and compare them with their checksums and headers."""
    store = _store(session)
    problems = 0
    for model in _find(store, keys) if keys else list(store.list()):
        with _bar(session.console, model.key, model.size) as advance:
            problem = _problem_of(store, model, advance)
        problems += problem is not None
        session.console.print(f"{'BROKEN' if problem else 'good'}: {model.key}{f': {problem}' if problem else ''}")
    if problems:
        raise Unhealthy(
            f"{problems} of the models cannot be used; upload them again with: darkroom models push --replace"
        )


def _target(path: Path, folder: str | None, console: Console, *, allow_code: bool) -> tuple[str, ModelHeader | None]:
    """Return the key of a file, and its header if it has one; raises Refused if it should not be uploaded."""
    header: ModelHeader | None = None
    if path.suffix == SAFETENSORS:
        try:
            with path.open("rb") as file:
                header = read_header(file, path.stat().st_size)
        except BrokenModel as error:
            raise Refused(f"{path} is not uploaded: {error}") from None
        if folder is None and header.type is None:
            raise Refused(f"{path} is of no kind that is known; say where it belongs, such as --folder Lora")
        folder = folder or (header.type.folder if header.type else None)
    elif path.suffix in CODE:
        if not allow_code:
            raise Refused(
                f"{path} can run code on the machine that loads it;"
                f" use {SAFETENSORS}, or --allow-code if you trust its author"
            )
        console.print(f"[yellow]warning:[/yellow] the author of {path} can run code on the machine that loads it")
    elif path.name == STYLES:
        folder = folder or STYLES_FOLDER
    else:
        raise Refused(
            f"{path} is no model: its name must end in {SAFETENSORS} or {', '.join(sorted(CODE))}, or be {STYLES}"
        )
    if folder is None:
        raise Refused(f"say where {path} belongs, such as --folder Stable-diffusion")
    return _checked_key(f"{folder.strip('/')}/{path.name}"), header


def _checked_key(key: str) -> str:
    if not is_checkpoint_name(key) or key.startswith(("/", ".")) or "\\" in key or "/." in key:
        raise Refused(f"{key!r} cannot be the name of a model: it would lead out of the models folder")
    return key


def _problem_of(store: ModelStore, model: StoredModel, advance: Callable[[int], object]) -> str | None:
    """Return what is wrong with a stored model, None if nothing is known to be."""
    if not model.size:
        return "it is empty"
    digest, beginning = hashlib.sha256(), bytearray()
    for block in store.read(model):
        digest.update(block)
        beginning += block[: max(HEADER_BYTES - len(beginning), 0)]
        advance(len(block))
    expected = store.checksum(model)
    if expected and digest.hexdigest() != expected:
        return f"its checksum is {digest.hexdigest()}, it was uploaded with {expected}"
    try:
        if model.key.endswith(SAFETENSORS):
            read_header(io.BytesIO(beginning), model.size)
    except BrokenModel as error:
        return str(error)
    return None


def _find(store: ModelStore, keys: tuple[str, ...]) -> list[StoredModel]:
    present = {model.key: model for model in store.list()}
    if missing := [key for key in keys if key not in present]:
        raise Refused(f"there is no {', '.join(missing)} in {store.bucket}; see: darkroom models list")
    return [present[key] for key in keys]


def _store(session: Session) -> ModelStore:
    environment = session.environment()
    return ModelStore(client=environment.client("s3"), bucket=environment.model_bucket)


@contextmanager
def _bar(console: Console, name: str, size: int) -> Iterator[Callable[[int], object]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(name, total=size)
        yield lambda count: progress.advance(task, count)
