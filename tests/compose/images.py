"""Images under their official names, made from this machine's own programs.

The test of docker-compose.yml must not depend on a registry, so each image that the file names is made here:
the same program at the same path, run by the same user, beside the few commands that its base image has.
"""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from otel_savetrace.demo.processes import base_environment

COLLECTOR_AND_JAEGER_USER = 10001
PROMETHEUS_USER = 65534

_COMMANDS = ("sh", "mkdir", "chown", "chmod", "tail", "wget", "cat", "ls", "env")
_LEFT_OUT = {"site-packages", "test", "idlelib", "tkinter", "turtledemo", "__pycache__"}
# What wheels may count on beside what Python itself is linked to (manylinux, PEP 600).
_OF_WHEELS = ("libstdc++.so.6", "libgcc_s.so.1", "librt.so.1", "libdl.so.2", "libpthread.so.0")


class Root:
    """The file system of an image, written as a tar archive; folders above a file are made as needed."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._there: set[str] = {"."}

    def folder(self, at: str, mode: int = 0o755, owner: int = 0) -> None:
        """Make a folder and those above it, unless it is there."""
        path = Path(at.lstrip("/"))
        for folder in [*reversed(path.parents), path]:
            if str(folder) not in self._there:
                self._there.add(str(folder))
                self._add(str(folder), tarfile.DIRTYPE, mode if folder == path else 0o755, owner)

    def file(self, at: str, source: Path, mode: int = 0o755) -> None:
        """Put a copy of `source` at `at`."""
        self.text(at, source.read_bytes(), mode)

    def text(self, at: str, content: bytes, mode: int = 0o644) -> None:
        """Put a file with `content` at `at`, unless one is there."""
        self.folder(str(Path(at).parent))
        if at.lstrip("/") not in self._there:
            self._there.add(at.lstrip("/"))
            self._add(at.lstrip("/"), tarfile.REGTYPE, mode, 0, content)

    def link(self, at: str, to: str) -> None:
        """Make `at` a symbolic link to `to`."""
        self.folder(str(Path(at).parent))
        self._add(at.lstrip("/"), tarfile.SYMTYPE, 0o777, 0, link=to)

    def _add(
        self, name: str, kind: bytes, mode: int, owner: int, content: bytes = b"", link: str = ""
    ) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid = kind, mode, owner, owner
        entry.size, entry.linkname = len(content), link
        self._archive.addfile(entry, io.BytesIO(content))


@dataclasses.dataclass(frozen=True)
class Image:
    """How an image is filled, and what `docker import --change` is told of it."""

    fill: Callable[[Root], None]
    changes: tuple[str, ...]


def images(programs: Mapping[str, Path], wheels: Path) -> dict[str, Image]:
    """Return the images by their repository.

    `programs` has busybox, jaeger, otelcol, prometheus and versitygw; `wheels` is a folder with all that
    ``pip install .[demo]`` needs.
    """
    busybox, user = programs["busybox"], f"USER {COLLECTOR_AND_JAEGER_USER}"

    def jaeger(root: Root) -> None:
        _base(root, busybox)
        root.file("/cmd/jaeger/jaeger-linux", programs["jaeger"])

    def collector(root: Root) -> None:
        root.file("/otelcol-contrib", programs["otelcol"])

    def versitygw(root: Root) -> None:
        _base(root, busybox)
        root.file("/usr/local/bin/versitygw", programs["versitygw"])

    def prometheus(root: Root) -> None:
        _base(root, busybox)
        root.file("/bin/prometheus", programs["prometheus"])
        _libraries(root, [programs["prometheus"]])
        root.folder("/prometheus", owner=PROMETHEUS_USER)

    def python(root: Root) -> None:
        _base(root, busybox)
        _python(root)
        root.text("/etc/pip.conf", b"[global]\nno-index = true\nfind-links = /wheels\n")
        for wheel in sorted(wheels.glob("*.whl")):
            root.file(f"/wheels/{wheel.name}", wheel, 0o644)

    return {
        "jaegertracing/jaeger": Image(jaeger, ('ENTRYPOINT ["/cmd/jaeger/jaeger-linux"]', user)),
        "otel/opentelemetry-collector-contrib": Image(collector, ('ENTRYPOINT ["/otelcol-contrib"]', user)),
        "versity/versitygw": Image(versitygw, ('ENTRYPOINT ["/usr/local/bin/versitygw"]',)),
        "prom/prometheus": Image(
            prometheus, ('ENTRYPOINT ["/bin/prometheus"]', f"USER {PROMETHEUS_USER}", "VOLUME /prometheus")
        ),
        "python": Image(python, ('CMD ["python3"]', "ENV PATH=/usr/local/bin:/usr/bin:/bin")),
    }


def write(image: Image, file: Path) -> None:
    """Write the image's file system to `file`, as a tar archive."""
    with tarfile.open(file, "w") as archive:
        image.fill(Root(archive))


def _base(root: Root, busybox: Path) -> None:
    root.folder("/tmp", mode=0o1777)  # noqa: S108 - of the image
    root.text("/etc/passwd", b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    root.file("/bin/busybox", busybox)
    for command in _COMMANDS:
        root.link(f"/bin/{command}", "busybox")


def _python(root: Root) -> None:
    """Put the interpreter that runs the tests where it is here, and ``/usr/local/bin/python`` before it."""
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter, library = prefix / "bin" / version, prefix / "lib" / version
    root.file(str(interpreter), interpreter.resolve())
    root.link("/usr/local/bin/python", str(interpreter))
    files = [
        file
        for file in library.rglob("*")
        if file.is_file() and not _LEFT_OUT & set(file.relative_to(library).parts)
    ]
    for file in files:
        root.file(str(file), file)
    _libraries(root, [interpreter, *(file for file in files if ".so" in file.suffixes)])
    for path in _shared_libraries():
        root.file(str(path), path)


def _libraries(root: Root, programs: Iterable[Path]) -> None:
    """Put the shared libraries that the programs are linked to where the linker looks for them."""
    listed = subprocess.run(  # noqa: S603 - ldd, over programs that these tests run anyway
        ["/usr/bin/ldd", *programs], env=base_environment(), capture_output=True, text=True, check=False
    ).stdout
    for path in sorted(set(re.findall(r"(/\S+\.so\S*) \(0x", listed))):
        root.file(path, Path(path))


def _shared_libraries() -> list[Path]:
    listed = subprocess.run(
        ["/sbin/ldconfig", "-p"], env=base_environment(), capture_output=True, text=True, check=True
    ).stdout
    found = dict(re.findall(r"^\s+(\S+) \(libc6,[A-Za-z][^)]*\) => (\S+)$", listed, re.MULTILINE))
    return [Path(found[name]) for name in _OF_WHEELS if name in found]
