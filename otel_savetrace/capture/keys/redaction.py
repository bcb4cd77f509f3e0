"""One ended span held to `OTEL_SAVETRACE_KEYS`: whoever wrote it, no key and no part of one stays in it.

The span that OpenTelemetry hands to processors is made for them when it ends; what is replaced there reaches
every exporter and changes nothing for the app.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Status

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.keys.hash import HIDDEN, hash_of
from otel_savetrace.capture.keys.text import SEPARATOR, KeyWords

ALL_HIDDEN = "[hidden]"
"""Stands for a whole text that is too long to be searched, or whose trace has too many keys to look for."""

LONGEST_TEXT = 32_768
"""Characters of a text that is searched: decoding more would take the app's time."""

_BOTOCORE_SCOPE = "opentelemetry.instrumentation.botocore"
_MOST_NAMES = 1_000
_SHORTEST_NUMBER = 3

# What stands under these is said in few words, none of which is the user's; readers count on them.
_FIXED = frozenset(
    name
    for name, known in attribute.REGISTRY.items()
    if not known.personal and name not in (attribute.LARGEST_HEADERS, attribute.SIGNED_HEADERS)
) | frozenset(
    ("http.route", "http.method", "http.scheme", "http.flavor", "url.scheme", "exception.type",
     "exception.escaped", "db.system", "db.system.name")
)  # fmt: skip
_FIXED_SPACES = frozenset(("rpc", "net", "network", "server", "cloud"))
_STANDARD_SPACES = frozenset(
    ("aws", "client", "code", "db", "error", "event", "exception", "http", "messaging", "otel", "peer",
     "process", "savetrace", "thread", "url", "user_agent")
)  # fmt: skip

_Kind = Literal["fixed", "named", "text", "foreign"]


class KeyRedaction:
    """Replaces keys and their parts in spans.

    `named` are the attributes whose whole value is a part of a key; `hashed` says whether they are shown as
    hashes or left out; `limits` are lengths at which the SDK cuts strings.
    """

    def __init__(self, named: frozenset[str], limits: frozenset[int], *, hashed: bool) -> None:
        self.named = named | {attribute.S3_KEY}
        self._hashed = hashed
        self._limits = limits
        self._kinds: dict[str, _Kind] = {}

    def shown(self, word: str) -> str:
        """Return what stands for a key, or a part of one, in a text."""
        return hash_of(word) if self._hashed else HIDDEN

    def redact(self, span: Any, words: KeyWords, *, everything: bool = False) -> None:
        """Replace in `span`, a `ReadableSpan`, each of `words`; `everything`: every text that is free."""
        hide = _Hide(self, words, everything=everything)
        found = everything or (len(words) > 0 and self._may_hold(span, words))
        span._attributes = self._attributes(span._attributes, hide if found else None)
        for event in span._events:
            event._attributes = self._attributes(event._attributes, hide if found else None)
        for link in span._links:
            link._attributes = self._attributes(link._attributes, hide if found else None)
        if not found:
            return
        for event in span._events:
            event._name = hide.text(event._name)
        if not _named_by_code(span):
            span._name = hide.text(span._name)
        if span._status.description:
            span._status = Status(span._status.status_code, hide.text(span._status.description))

    def _may_hold(self, span: Any, words: KeyWords) -> bool:
        texts = list(self._texts(span))
        unsure = any(len(text) > LONGEST_TEXT or self.is_cut(text) for text in texts)
        return unsure or words.occur_in(SEPARATOR.join(texts))

    def is_cut(self, text: str) -> bool:
        """Return whether the end of `text` may be missing."""
        return text.endswith("…") or len(text) in self._limits

    def _attributes(self, attributes: Any, hide: _Hide | None) -> Any:
        """Return `attributes`, or others in their stead where anything is to be replaced."""
        if not attributes:
            return attributes
        plain: dict[str, Any] = attributes.copy()
        named = self.named & plain.keys()
        if hide is None and not named:
            return attributes
        for name in named:
            if self._hashed:
                plain[name] = self._whole(plain[name], hide)
            else:
                del plain[name]
        return _like(attributes, plain if hide is None else self._hidden(plain, hide))

    def _hidden(self, plain: dict[str, Any], hide: _Hide) -> dict[str, Any]:
        replaced = {}
        for name, value in plain.items():
            kind = self._kinds.get(name) or self._kind(name)
            if kind == "fixed" or kind == "named":
                replaced[name] = value
            else:
                foreign = kind == "foreign"
                replaced[hide.text(name) if foreign else name] = hide.value(value, numbers=foreign)
        return replaced

    def _texts(self, span: Any) -> Iterator[str]:
        """Yield every text of `span` that a key may stand in."""
        yield span._name
        if span._status.description:
            yield span._status.description
        yield from self._texts_of(span._attributes)
        for event in span._events:
            yield event._name
            yield from self._texts_of(event._attributes)
        for link in span._links:
            yield from self._texts_of(link._attributes)

    def _texts_of(self, attributes: Any) -> Iterator[str]:
        if not attributes:
            return
        for name, value in attributes.copy().items():  # a look at each one in turn is five times as slow
            kind = self._kinds.get(name) or self._kind(name)
            if kind == "foreign":
                yield name
            if kind == "foreign" or kind == "text":
                if type(value) is str:
                    yield value
                elif kind == "foreign" or isinstance(value, (bytes, Sequence, Mapping)):
                    yield from _inner_texts(value)

    def _kind(self, name: str) -> _Kind:
        space = name.partition(".")[0]
        kind: _Kind = "foreign"
        if name in self.named:
            kind = "named"
        elif name in _FIXED or space in _FIXED_SPACES:
            kind = "fixed"
        elif space in _STANDARD_SPACES:
            kind = "text"
        if len(self._kinds) < _MOST_NAMES:
            self._kinds[name] = kind
        return kind

    def _whole(self, value: Any, hide: _Hide | None) -> str:
        text = value if isinstance(value, str) else str(value)
        known = hide.words.shown(text) if hide is not None else None
        return known or hash_of(text)


class _Hide:
    """Replaces the words of one trace in values of any type that an attribute may have."""

    def __init__(self, redaction: KeyRedaction, words: KeyWords, *, everything: bool) -> None:
        self.words = words
        self._redaction = redaction
        self._everything = everything

    def text(self, text: str) -> str:
        if self._everything or len(text) > LONGEST_TEXT:
            return ALL_HIDDEN
        return self.words.hide(text, cut=self._redaction.is_cut(text))

    def value(self, value: Any, *, numbers: bool) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if isinstance(value, Mapping):
            return {self.text(name): self.value(one, numbers=numbers) for name, one in value.items()}
        if isinstance(value, Sequence):
            return tuple(self.value(one, numbers=numbers) for one in value)
        return self._number(value) if numbers else value

    def _number(self, value: Any) -> Any:
        """Return what is shown for a number that an app wrote where its digits are a word."""
        if self._everything or isinstance(value, bool) or value is None:
            return value
        digits = str(value)
        return value if len(digits) < _SHORTEST_NUMBER else self.words.shown(digits) or value


def _inner_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "surrogateescape")
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from _inner_texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _inner_texts(one)
    else:
        yield str(value)


def _like(attributes: Any, replaced: dict[str, Any]) -> Any:
    """Return `replaced` as the SDK keeps attributes, with the count of those that it dropped."""
    made = BoundedAttributes()
    made._dict = replaced  # as its own `__deepcopy__` does: they are clean already
    made.dropped = getattr(attributes, "dropped", 0)
    return made


def _named_by_code(span: ReadableSpan) -> bool:
    """Return whether a span's name is made of words that stand in code: ours, botocore's, a route's."""
    scope = span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
    if scope == attribute.SCOPE or scope.startswith(_BOTOCORE_SCOPE):
        return True
    route = (span.attributes or {}).get("http.route")
    return isinstance(route, str) and span.name.endswith(route)
