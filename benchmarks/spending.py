"""What a program costs that runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import NamedTuple

REPORT = (
    "import sys\nfrom otel_savetrace.commands.group import savetrace as run\n"
    "run(['report', '--json', *sys.argv[1:]])"
)
"""The program of ``savetrace report --json``."""


class Spending(NamedTuple):
    """CPU seconds of all its threads, the most megabytes that it held, how long it took, what it printed."""

    cpu_seconds: float
    megabytes: float
    seconds: float
    printed: bytes


def spending_of(program: str, *arguments: str) -> Spending:
    """Run a Python program to its end, imports included, and return what it cost."""
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, program
    cpu_seconds = used.ru_utime + used.ru_stime
    return Spending(cpu_seconds, used.ru_maxrss / 1024, time.monotonic() - began, printed)
