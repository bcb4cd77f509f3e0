"""Content Security Policies of a page: what they say of our script, and of where it reports to.

Read as in https://www.w3.org/TR/CSP3/, sections 2.3 (source lists), 6.7 (matching) and 6.1 (fallbacks). A
policy that only reports is held to as well: what it would report is what its owner means to forbid.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

HEADERS = ("Content-Security-Policy", "Content-Security-Policy-Report-Only")

_SCRIPT = ("script-src-elem", "script-src", "default-src")
_CONNECT = ("connect-src", "default-src")
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_OPEN = {"allow-scripts", "allow-same-origin"}
_PORTS = {"http": ":80", "https": ":443"}


class PolicyRefusalError(Exception):
    """A policy forbids the script or its reports; the text says which, and what would let it pass."""


@dataclasses.dataclass(frozen=True)
class Location:
    """What a source may match: scheme, host with a port that is not the scheme's own, and path."""

    scheme: str
    host: str
    path: str

    @classmethod
    def of(cls, scheme: str, host: str, path: str) -> Location:
        """Make one as browsers write it."""
        return cls(scheme, host.lower().removesuffix(_PORTS.get(scheme, ":")), path)

    @classmethod
    def of_url(cls, url: str) -> Location:
        """Make one of an absolute URL."""
        parts = urlsplit(url)
        return cls.of(parts.scheme, parts.netloc, parts.path)


class Policy:
    """One policy; of several directives with one name the first counts."""

    def __init__(self, text: str) -> None:
        self._directives: dict[str, list[str]] = {}
        for piece in text.split(";"):
            name, *sources = piece.split() or [""]
            if name:
                self._directives.setdefault(name.lower(), sources)

    def nonces(self) -> list[str]:
        """Return the nonces that scripts may carry."""
        found = (_NONCE.fullmatch(source) for source in self._sources(_SCRIPT) or ())
        return [nonce[1] for nonce in found if nonce is not None]

    def lets_load(self, script: Location) -> bool:
        """Return whether a script of the page's own origin is let in by its address."""
        sources = self._sources(_SCRIPT)
        # Beside 'strict-dynamic' no address counts.
        return sources is None or (
            not any(source.lower() == "'strict-dynamic'" for source in sources)
            and any(_matches(source, script, own=True) for source in sources)
        )

    def lets_connect(self, endpoint: Location, *, own: bool) -> bool:
        """Return whether a script may send to `endpoint`; `own`: it is of the page's own origin."""
        sources = self._sources(_CONNECT)
        return sources is None or any(_matches(source, endpoint, own=own) for source in sources)

    @property
    def isolates(self) -> bool:
        """Whether the page may run no script, or is cut off from its own origin."""
        allowed = self._directives.get("sandbox")
        return allowed is not None and not {one.lower() for one in allowed} >= _OPEN

    def _sources(self, names: Sequence[str]) -> list[str] | None:
        return next((self._directives[name] for name in names if name in self._directives), None)


def nonce_for(policies: Sequence[Policy], script: Location) -> str | None:
    """Return the nonce that the script's tag carries, None where it needs none.

    A tag has one nonce: where several policies want one, it must be the same for all. Raises
    `PolicyRefusalError` where a policy would keep the script from being loaded.
    """
    nonces = [policy.nonces() for policy in policies]
    wanting = [known for policy, known in zip(policies, nonces, strict=True) if not policy.lets_load(script)]
    if not wanting:
        return next((known[0] for known in nonces if known), None)
    for nonce in wanting[0]:
        if all(nonce in known for known in wanting):
            return nonce
    raise PolicyRefusalError(
        "a Content-Security-Policy lets no script of the page's own origin in, and has no nonce to carry;"
        " add 'self' or a nonce to its script-src"
    )


def connecting(value: str, endpoint: str) -> str:
    """Return a header's value under which pages may send to `endpoint`, an absolute URL; else as it was."""
    address = Location.of_url(endpoint)
    policies = value.split(",")
    return ",".join(
        text if Policy(text).lets_connect(address, own=False) else _with_endpoint(text, endpoint)
        for text in policies
    )


def _with_endpoint(text: str, endpoint: str) -> str:
    pieces = text.split(";")
    names = [(piece.split() or [""])[0].lower() for piece in pieces]
    if "connect-src" in names:
        at = names.index("connect-src")
        pieces[at] = _with_source(pieces[at], endpoint)
        return ";".join(pieces)
    fallback = pieces[names.index("default-src")].strip()
    added = _with_source(f"connect-src{fallback[len('default-src') :]}", endpoint)
    return f"{text.rstrip().removesuffix(';')}; {added}"


def _with_source(directive: str, source: str) -> str:
    name, *sources = directive.split()
    if [*map(str.lower, sources)] in (["'none'"], []):
        return f"{directive[: directive.index(name)]}{name} {source}"
    return f"{directive.rstrip()} {source}"


def _matches(source: str, address: Location, *, own: bool) -> bool:
    """Return whether a source expression matches an address; what is not surely a match is none."""
    word = source.lower()
    if word in ("*", "'self'"):
        return word == "*" or own
    if word in ("http:", "https:"):
        return _same_scheme(word.removesuffix(":"), address.scheme)
    scheme, mark, rest = source.rpartition("://")
    if mark and not _same_scheme(scheme.lower(), address.scheme):
        return False
    host, slash, path = rest.partition("/")
    if slash and not _same_path(slash + path, address.path):
        return False
    host = host.lower().removesuffix(_PORTS.get(address.scheme, ":"))
    return address.host == host or (host.startswith("*.") and address.host.endswith(host[1:]))


def _same_scheme(source: str, scheme: str) -> bool:
    return scheme == source or (source == "http" and scheme == "https")


def _same_path(source: str, path: str) -> bool:
    return source == "/" or path == source or (source.endswith("/") and path.startswith(source))
