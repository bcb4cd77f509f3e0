"""Where the files stand: a folder of this user's own, on this boot of this machine."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, and looked at before it is used
_NAME = "otel-savetrace"
_OTHERS = 0o077


def folder_of(chosen: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the folder for the files, made where it is not there; OSError says why it cannot be used.

    `chosen` is the user's choice. Else it stands in XDG_RUNTIME_DIR, or in memory (`/dev/shm`), where no disk
    can keep a save waiting, or with other temporary files. It must be this user's and nobody else's: what
    stands in it is trusted.
    """
    if chosen is not None:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _checked(chosen)
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK):
        folder = Path(runtime) / _NAME
    else:
        base = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        folder = base / f"{_NAME}-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return _checked(folder)


def _checked(folder: Path) -> Path:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, "it is no folder", str(folder))
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        raise PermissionError(0, "it is not this user's alone", str(folder))
    return folder


def boot() -> str:
    """Return what tells this boot of the machine from others, empty where the system does not say."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def app_of(resource: Mapping[str, object], environment: Mapping[str, str], file: Path | None) -> str:
    """Return what the names of one app's files begin with: its service, and where its spans go.

    An app without a service name is known by the folder that it runs in.
    """
    service = str(resource.get("service.name", "unknown_service"))
    parts = [service, str(resource.get("service.namespace", "")), str(file or "")]
    parts += [environment.get(name, "") for name in _DESTINATIONS]
    if service.startswith("unknown_service"):
        parts.append(str(Path.cwd()))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


_DESTINATIONS = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
