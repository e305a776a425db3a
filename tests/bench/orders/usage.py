"""Who used the processor: read from /proc, a process with all that it has started."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int | None]) -> dict[str, float]:
    """CPU seconds so far of each process and its children, those that have ended included."""
    own, children = _processes()

    def of_tree(pid: int) -> float:
        return own.get(pid, 0.0) + sum(of_tree(child) for child in children[pid])

    return {name: of_tree(pid) for name, pid in pids.items() if pid is not None}


def _processes() -> tuple[dict[int, float], dict[int, list[int]]]:
    own: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue  # It has just ended.
            pid = int(folder.name)
            own[pid] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
            children[int(fields[1])].append(pid)
    return own, children
