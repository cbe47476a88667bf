"""CPU time and memory of the agent's process, as Linux counts them."""

import os
from pathlib import Path
from typing import Final

#: Positions in /proc/PID/stat behind the program's name, which may hold anything: user and system time.
_USER_TIME, _SYSTEM_TIME = 11, 12
_TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")


def cpu_ms(pid: int) -> float:
    """Return the CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) * _TICK_MS


def peak_rss_mb(pid: int) -> float:
    """Return the most memory that a process has held at a time, in millions of bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6
