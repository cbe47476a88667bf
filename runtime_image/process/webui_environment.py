"""Command line and environment of the Web UI's process: it runs strangers' work, so it gets known variables only."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Final

#: Variables of the image and of the machine that the Web UI may read. None of them holds a secret or an address of AWS.
WEBUI_VARIABLES: Final = frozenset(
    {
        "COMMANDLINE_ARGS",
        "CUDA_VISIBLE_DEVICES",
        "GIT_PYTHON_REFRESH",
        "GRADIO_ANALYTICS_ENABLED",
        "GRADIO_TEMP_DIR",
        "HF_HOME",
        "HF_HUB_OFFLINE",
        "HOME",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "MPLCONFIGDIR",
        "NVIDIA_DRIVER_CAPABILITIES",
        "NVIDIA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "TMPDIR",
        "TORCH_HOME",
        "TZ",
        "XDG_CACHE_HOME",
    }
)


def split_words(command: object) -> object:
    """Return the words of the Web UI's command line, quoted as in a shell."""
    return tuple(shlex.split(command)) if isinstance(command, str) else command


def webui_environment(environment: Mapping[str, str], extra: Iterable[str]) -> dict[str, str]:
    """Return the known variables of an environment, and those that the operator names in `extra`."""
    allowed = WEBUI_VARIABLES.union(extra)
    known = {name: value for name, value in environment.items() if name in allowed}
    # The Web UI's lines reach the log when they are printed.
    return {**known, "PYTHONUNBUFFERED": "1"}
