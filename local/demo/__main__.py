"""`make run`: every documented request, by both ways in, from submission to image, on this machine."""

import argparse
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

from cli.environment import SystemEndpoints, local_environment
from cli.errors import CommandError
from cli.topic import publish
from darkroom import Client, Error
from local.demo.image_size import PRINTED, SIZES, ImageSize
from local.demo.input_server import serve_picture
from local.demo.journeys import CONTACT_SHEET, Demo, command
from local.demo.local_system import DemoFailed, running_system, write_environment
from local.demo.output import say
from local.demo.pictures import input_picture
from local.ports import DEFAULT_PORT

#: Bucket that the demo's `s3://` link points to; its environment names it in `linkBuckets`.
LINK_BUCKET: Final = "darkroom-demo-pictures"
LINK_KEY: Final = "cat.png"
#: Repetitions of a request that finds the system too busy to answer: a few minutes.
RETRIES: Final = 9


def run(*, out: Path, state_directory: Path, size: ImageSize | None) -> None:
    """Run the whole demo; raise DemoFailed with a message for the user."""
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    png = input_picture()
    (out / "input.png").write_bytes(png)
    with tempfile.TemporaryDirectory() as temporary, serve_picture(png) as link_host:
        environment_file = Path(temporary) / "local.yaml"
        write_environment(environment_file, link_host=link_host, link_bucket=LINK_BUCKET)
        with running_system(state_directory=state_directory, environment_file=environment_file):
            say(f"ready after {time.monotonic() - started:.1f} s")
            environment = local_environment(state_directory)
            put_input_picture(png, environment=environment)
            client = Client(environment.http_url, environment.api_key, retries=RETRIES)
            callbacks = state_directory / "callbacks.jsonl"
            to_topic = partial(publish, environment=environment)
            demo = Demo(client=client, publish=to_topic, callbacks=callbacks, out=out)
            try:
                demo.run(
                    http_link=f"http://{link_host}/{LINK_KEY}", s3_link=f"s3://{LINK_BUCKET}/{LINK_KEY}", size=size
                )
            except (CommandError, Error) as error:
                raise DemoFailed(str(error)) from error
            finally:
                folder = out.resolve()
                say(f"{demo.saved} images are in {folder}/, all of them together in {folder / CONTACT_SHEET}")
    say("The tiny model draws shapes and a few things; docs/reference/tiny-model.md lists its words.")
    say(f"`make up` leaves the system running, with its console at http://127.0.0.1:{DEFAULT_PORT}/console/.")
    say(f"Everything took {time.monotonic() - started:.1f} s.")


def put_input_picture(png: bytes, *, environment: SystemEndpoints) -> None:
    """Put the input picture where the `s3://` link points to."""
    s3 = environment.client("s3")
    s3.create_bucket(Bucket=LINK_BUCKET)
    s3.put_object(Bucket=LINK_BUCKET, Key=LINK_KEY, Body=png, ContentType="image/png")


def _exit(*_: object) -> None:
    # A second signal would cut off the contact sheet and the stop of the system.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


def main() -> int:
    """Parse the command line and run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the images (default: out)")
    parser.add_argument(
        "--state-dir", type=Path, default=Path(".local/demo"), help="state of the demo's system (default: .local/demo)"
    )
    chosen = "(default: the time of the first images decides)"
    parser.add_argument("--size", metavar="PIXELS", type=int, help=f"width and height of the images {chosen}")
    parser.add_argument("--steps", metavar="N", type=int, help=f"sampling steps of the images {chosen}")
    options = parser.parse_args()
    size = None
    if options.size or options.steps:
        size = ImageSize(options.size or PRINTED.side, options.steps or PRINTED.steps)
    # The system of the demo ends with it, also when a service manager or a test stops the demo.
    signal.signal(signal.SIGTERM, _exit)
    try:
        run(out=options.out, state_directory=options.state_dir, size=size)
    except DemoFailed as error:
        say(f"make run failed: {error}")
        say(f"Repeat it: make run, or with small images: {command(SIZES[-1])}")
        say(f"Log files: {(options.state_dir / 'logs').resolve()}/")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
