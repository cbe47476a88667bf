"""Progress call of the SD Web UI: the user's progress bar, and the proof after an interrupt."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from contract.record import SAMPLING_KEYS
from runtime_image.process.clock import Clock
from runtime_image.process.engine import Progress
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed

#: Keys of the state that identify one moment of one run.
_POSITION: Final = ("job_timestamp", "job", "job_no", "sampling_step")
PROGRESS_PATH: Final = "/sdapi/v1/progress"
WITHOUT_PICTURE: Final = "?skip_current_image=true"


def read_progress(client: WebUiClient, clock: Clock, *, with_picture: bool = False) -> Progress:
    """Ask once; raises WebUiFailed on anything but the documented answer."""
    asked_at = clock.monotonic()
    status, body = client.call("GET", PROGRESS_PATH + ("" if with_picture else WITHOUT_PICTURE))
    try:
        value = json.loads(body)
        state = value["state"]
        return Progress(
            asked_at=asked_at,
            fraction=_fraction(value["progress"]),
            interrupted=bool(state["interrupted"]),
            busy=bool(state.get("job")) or int(state.get("job_count") or 0) != 0,
            position=tuple(state.get(key) for key in _POSITION),
            began_at=str(state.get("job_timestamp")),
            reached=(int(state.get("job_no") or 0), int(state.get("sampling_step") or 0)),
            has_stepped=bool(state.get("sampling_step") or state.get("job_no")),
            sampling=_sampling(state),
            picture=picture if isinstance(picture := value.get("current_image"), str) and picture else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WebUiFailed(f"the Web UI answered {status} to the progress call") from error


def _fraction(progress: Any) -> float:
    fraction = float(progress)
    if math.isnan(fraction):
        raise ValueError("progress is NaN")
    return min(max(fraction, 0.0), 1.0)


def _sampling(state: Mapping[str, Any]) -> dict[str, int]:
    counts = {key: value for key in SAMPLING_KEYS if type(value := state.get(key)) is int and value >= 0}
    if not counts.get("sampling_step"):
        # Until the first step of a pass the number of steps is that of the pass, or even the task, before.
        counts.pop("sampling_steps", None)
    if not counts.get("job_count"):
        # -1 until it is known, 0 between two tasks.
        counts.pop("job_count", None)
        counts.pop("job_no", None)
    return counts
