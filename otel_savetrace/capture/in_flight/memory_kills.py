"""How many processes of this one's cgroup the kernel has killed for memory; the kernel keeps the count.

Sources: Documentation/admin-guide/cgroup-v2.rst, "memory.events"; cgroup-v1/memory.rst, "memory.oom_control".
"""

from __future__ import annotations

import re
from pathlib import Path

_OWN = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")
_COUNT = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


class MemoryKills:
    """The count of one cgroup, which stands in the file `path`; `cgroup` tells it from others.

    Where none counts they are None and empty.
    """

    def __init__(self, own: Path = _OWN, mount: Path = _MOUNT) -> None:
        self.path = next((path for path in _candidates(own, mount) if _count(path) is not None), None)
        self.cgroup = "" if self.path is None else _identity(self.path.parent)

    def count(self) -> int:
        """Return how many were killed so far; 0 where nobody counts."""
        return (_count(self.path) if self.path is not None else None) or 0


def _candidates(own: Path, mount: Path) -> list[Path]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inside = path.lstrip("/")
        if not controllers:
            for root in (mount, mount / "unified"):
                found += [root / inside / "memory.events.local", root / inside / "memory.events"]
        elif "memory" in controllers.split(","):
            root = mount / "memory"
            # In a container the path may be the host's, of which only the lowest folder is mounted.
            found += [root / inside / "memory.oom_control", root / "memory.oom_control"]
    return found


def _count(path: Path) -> int | None:
    try:
        held = _COUNT.search(path.read_bytes())
    except OSError:
        return None
    return int(held[1]) if held is not None else None


def _identity(folder: Path) -> str:
    try:
        found = folder.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"
