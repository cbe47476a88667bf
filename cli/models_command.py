"""`darkroom models`: push, list, pull, verify and remove models of an environment's bucket."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.environment_options import program_of
from cli.errors import Aborted, Refused, Unhealthy
from cli.session import Session, command
from cli.table import columns

if TYPE_CHECKING:
    from cli.model_store import ModelStore, StoredModel


@click.group()
def models() -> None:
    """Manage the models of an environment.

    They lie in the folders of the Web UI (`Stable-diffusion/`, `Lora/`, …) and of ComfyUI (`diffusion_models/`, …).
    """


@models.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--folder", help="Folder of the bucket; by default that of the kind of model.")
@click.option("--allow-code", is_flag=True, help="Also accept files that can run code: .ckpt .pt .pth .bin .py .yaml.")
@click.option("--replace", is_flag=True, help="Overwrite a different model of the same name.")
@command
def push(session: Session, files: tuple[Path, ...], folder: str | None, allow_code: bool, replace: bool) -> None:
    """Upload model FILES, each checked before."""
    from cli.model_files import difference, upload_target

    store = _store(session)
    targets = {path: upload_target(path, folder, allow_code=allow_code) for path in files}
    for target in targets.values():
        for warning in target.warnings:
            session.hint(f"warning: {warning}")
    if len({target.key for target in targets.values()}) < len(targets):
        raise Refused("two of the files would get the same name in the bucket")
    present = {model.key: model for model in store.list()}
    results = []
    for path, target in targets.items():
        known, key = present.get(target.key), target.key
        different = difference(path, known, store) if known and not replace else None
        if different:
            raise Refused(f"{store.bucket} has a different {key}: {different}; use --replace to overwrite it")
        result = "unchanged" if known and not replace else "uploaded"
        if result == "uploaded":
            with _bar(session, key, path.stat().st_size) as advance:
                store.push(path, key, advance)
        header = target.header
        session.line(f"{result}: {key}{f' ({header.type.value}, {header.dtype})' if header and header.type else ''}")
        results.append({"key": key, "result": result})
    session.document({"models": results})


@models.command("import", short_help="Bring a model from the internet into the bucket.")
@click.argument("url")
@click.option("--folder", help="Folder of the bucket; by default that of the kind of model.")
@click.option("--name", help="Name of the file in the bucket; by default its own.")
@click.option("--sha256", help="SHA-256 that the file must have; known for files of Hugging Face and Civitai.")
@click.option("--token-secret", help="Secret of Secrets Manager with the token for the link's server.")
@click.option("--hf-token", envvar="HF_TOKEN", hidden=True)
@click.option("--civitai-token", envvar="CIVITAI_TOKEN", hidden=True)
@click.option("--allow-code", is_flag=True, help="Also accept files that can run code: .ckpt .pt .pth .bin .py .yaml.")
@click.option("--replace", is_flag=True, help="Overwrite a different model of the same name.")
@command
def import_model(
    session: Session,
    url: str,
    folder: str | None,
    name: str | None,
    sha256: str | None,
    token_secret: str | None,
    hf_token: str | None,
    civitai_token: str | None,
    allow_code: bool,
    replace: bool,
) -> None:
    """Bring the model at URL (a file of Hugging Face or Civitai, or any https link) into the bucket.

    It is streamed once and checked before it appears. HF_TOKEN and CIVITAI_TOKEN are tokens for files that need one.
    """
    from cli.model_files import HEADER_BYTES, target_of
    from cli.model_source import CIVITAI, HUGGING_FACE, ModelStream, find_source, server_of

    tokens = {server: token for server, token in ((HUGGING_FACE, hf_token), (CIVITAI, civitai_token)) if token}
    if token_secret:
        tokens[server_of(url)] = session.environment().secret(token_secret)
    store, source = _store(session), find_source(url, tokens, sha256=sha256)
    with closing(ModelStream(source)) as stream:
        beginning = BytesIO(stream.peek(min(HEADER_BYTES, stream.size)))
        target = target_of(Path(name or stream.name), beginning, stream.size, folder, allow_code=allow_code)
        for warning in target.warnings:
            session.hint(f"warning: {warning}")
        known, key = next((model for model in store.list() if model.key == target.key), None), target.key
        result = "unchanged" if known and not replace else "uploaded"
        if known and not replace and (source.sha256 is None or store.checksum(known) != source.sha256):
            raise Refused(f"{store.bucket} has a {key} that may be different; use --replace to overwrite it")
        if result == "uploaded":
            with _bar(session, key, stream.size) as advance:
                store.store(stream, key, source.sha256, advance)
            if source.sha256 is None:
                store.record_checksum(key, stream.checksum)
    session.line(f"{result}: {key} (SHA-256 {source.sha256 or stream.checksum})")
    session.document({"models": [{"key": key, "result": result, "sha256": source.sha256 or stream.checksum}]})


@models.command("list")
@command
def list_models(session: Session) -> None:
    """List the models in the bucket."""
    found = list(_store(session).list())
    session.line(columns(("MODEL", "MB"), [(model.key, f"{model.size / 1e6:,.1f}") for model in found]))
    session.document({"models": [{"key": model.key, "bytes": model.size} for model in found]})


@models.command(short_help="Download models into a models folder of this machine.")
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
    from cli.model_files import checked_key

    store = _store(session)
    results = []
    for model in _find(session, store, keys):
        path = directory / checked_key(model.key)
        with _bar(session, model.key, model.size) as advance:
            store.pull(model, path, advance)
        session.line(f"saved {path}")
        results.append({"key": model.key, "path": str(path)})
    session.document({"models": results})


@models.command()
@click.argument("keys", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def remove(session: Session, keys: tuple[str, ...], yes: bool) -> None:
    """Remove the models KEYS from the bucket."""
    store = _store(session)
    found = _find(session, store, keys)
    names = ", ".join(model.key for model in found)
    if not yes and not click.confirm(f"Remove {names} from {store.bucket}?", err=True):
        raise Aborted("aborted; no model was removed")
    for model in found:
        store.remove(model)
        session.line(f"removed: {model.key}")
    session.document({"models": [{"key": model.key, "result": "removed"} for model in found]})


@models.command(short_help="Compare the models in the bucket with their checksums.")
@click.argument("keys", nargs=-1)
@command
def verify(session: Session, keys: tuple[str, ...]) -> None:
    """Read the models KEYS (default: all) from the bucket and compare them with their checksums and headers."""
    from cli.model_files import problem_of

    store = _store(session)
    problems: dict[str, str | None] = {}
    for model in _find(session, store, keys) if keys else list(store.list()):
        with _bar(session, model.key, model.size) as advance:
            problem = problems[model.key] = problem_of(store, model, advance)
        session.line(f"BROKEN: {model.key}: {problem}" if problem else f"good: {model.key}")
    session.document({"models": [{"key": key, "problem": problem} for key, problem in problems.items()]})
    if broken := sum(problem is not None for problem in problems.values()):
        advice = f"upload them again with: {program_of(session.choice)} models push --replace"
        raise Unhealthy(f"{broken} of the models cannot be used; {advice}")


def _find(session: Session, store: "ModelStore", keys: tuple[str, ...]) -> "list[StoredModel]":
    present = {model.key: model for model in store.list()}
    if missing := [key for key in keys if key not in present]:
        raise Refused(
            f"there is no {', '.join(missing)} in {store.bucket}; see: {program_of(session.choice)} models list"
        )
    return [present[key] for key in keys]


def _store(session: Session) -> "ModelStore":
    from cli.model_store import ModelStore

    environment = session.environment()
    return ModelStore(client=environment.client("s3"), bucket=environment.model_bucket)


@contextmanager
def _bar(session: Session, name: str, size: int) -> Iterator[Callable[[int], object]]:
    """Show the progress of a file on a terminal."""
    if not session.console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns_ = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns_, TimeRemainingColumn(), console=session.console, transient=True) as progress:
        task = progress.add_task(name, total=size)
        yield lambda count: progress.advance(task, count)
