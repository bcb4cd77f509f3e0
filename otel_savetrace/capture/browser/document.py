"""Where in an HTML document a script goes, so that it runs before any other.

A document is read as browsers do it (https://html.spec.whatwg.org/multipage/parsing.html, "Tokenization"), as
far as its beginning goes: before `<head>` only white space, comments, the doctype and `<html>` can stand.
Bytes are looked at, since every encoding that is an extension of ASCII has these as they are.
"""

from __future__ import annotations

import re

LONGEST_LOOK = 65_536
"""Bytes of a document that are looked at."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"[\t\n\f\r ]*")
_DOCTYPE = re.compile(rb"<!doctype", re.IGNORECASE)
_COMMENT_END = re.compile(rb"--!?>")
_TAG_NAME = re.compile(rb"<([A-Za-z][^\t\n\f\r />]*)")
_GAP = re.compile(rb"[\t\n\f\r /]*")
_NAME = re.compile(rb"=?[^\t\n\f\r />=]*")
_EQUALS = re.compile(rb"[\t\n\f\r ]*=[\t\n\f\r ]*")
_VALUE = re.compile(rb"\"([^\"]*)\"|'([^']*)'|(?![\"'])([^\t\n\f\r >]*)")
_TITLE_END = re.compile(rb"</title[\t\n\f\r />]", re.IGNORECASE)


def place_in(body: bytes, *, charset_is_told: bool) -> int | None:
    """Return where in `body` a script may stand as the head's first element; None where it is no document.

    `charset_is_told`: the answer's header names the encoding. Where it does not, the script goes behind the
    `<meta>` that does, for which browsers look in a document's first 1,024 bytes only.
    """
    window = body[:LONGEST_LOOK]
    at = len(_BYTE_ORDER_MARK) if window.startswith(_BYTE_ORDER_MARK) else 0
    charset_is_told = charset_is_told or at > 0
    begun = False
    while (at := _after_remarks(window, at)) < len(window):
        if _DOCTYPE.match(window, at):
            at = window.find(b">", at) + 1
            if not at:
                return None
            begun = True
            continue
        name = _tag_name(window, at)
        if name not in (b"html", b"head"):
            # What follows opens a head that has no tag, if anything has said that this is a document.
            return _placed(window, at, charset_is_told) if begun else None
        tag = _read_tag(window, at)
        if tag is None:
            return None
        at = tag[0]
        begun = True
        if name == b"head":
            return _placed(window, at, charset_is_told)
    return None


def _placed(window: bytes, at: int, charset_is_told: bool) -> int:
    return at if charset_is_told else _behind_charset(window, at) or at


def _after_remarks(window: bytes, at: int) -> int:
    """Return where white space and comments have ended; conditional comments and `<?xml …>` are such, too."""
    while True:
        at = _SPACE.match(window, at).end()  # type: ignore[union-attr]  # matches nothing, too
        if window.startswith(b"<!--", at):
            end = _comment_end(window, at + 4)
        elif window.startswith((b"<!", b"<?"), at) and not _DOCTYPE.match(window, at):
            end = window.find(b">", at) + 1
        else:
            return at
        if not end:
            return len(window)
        at = end


def _comment_end(window: bytes, at: int) -> int:
    for abrupt in (b">", b"->"):
        if window.startswith(abrupt, at):
            return at + len(abrupt)
    end = _COMMENT_END.search(window, at)
    return 0 if end is None else end.end()


def _tag_name(window: bytes, at: int) -> bytes:
    found = _TAG_NAME.match(window, at)
    return b"" if found is None else found[1].lower()


def _read_tag(window: bytes, at: int) -> tuple[int, dict[bytes, bytes]] | None:
    """Return where the tag at `at` ends and its attributes; None where it does not end within the window."""
    at = _TAG_NAME.match(window, at).end()  # type: ignore[union-attr]  # the caller has seen it
    attributes: dict[bytes, bytes] = {}
    while True:
        at = _GAP.match(window, at).end()  # type: ignore[union-attr]  # matches nothing, too
        if at >= len(window):
            return None
        if window.startswith(b">", at):
            return at + 1, attributes
        name = _NAME.match(window, at)
        at = name.end()  # type: ignore[union-attr]  # matches nothing, too
        value = b""
        equals = _EQUALS.match(window, at)
        if equals is not None:
            found = _VALUE.match(window, equals.end())
            if found is None:
                return None  # its quote is not closed
            at, value = found.end(), found[found.lastindex or 0]
        attributes.setdefault(name[0].lower(), value)  # type: ignore[index]  # matches nothing, too


def _behind_charset(window: bytes, at: int) -> int | None:
    """Return where the `<meta>` ends that names the encoding, if nothing that runs stands before it."""
    while True:
        at = _after_remarks(window, at)
        name = _tag_name(window, at)
        if name not in (b"meta", b"title"):
            return None
        tag = _read_tag(window, at)
        if tag is None:
            return None
        at, attributes = tag
        if name == b"title":
            end = _TITLE_END.search(window, at)
            at = -1 if end is None else window.find(b">", end.start()) + 1
            if at <= 0:
                return None
        elif b"charset" in attributes or attributes.get(b"http-equiv", b"").lower() == b"content-type":
            return at
