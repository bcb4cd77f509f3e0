"""Content Security Policies that stand in a document, as `<meta>` of its head."""

from __future__ import annotations

from html.parser import HTMLParser

from otel_savetrace.capture.browser.document import LONGEST_LOOK


def policies_in_head(body: bytes) -> list[str]:
    """Return the policies in the head of a document."""
    begun = body.find(b"<body", 0, LONGEST_LOOK)
    window = body[: LONGEST_LOOK if begun < 0 else begun]
    if b"ecurity-" not in window and b"ECURITY-" not in window:
        return []  # as nearly always, and seen at a hundredth of the cost
    head = _Head()
    head.feed(window.decode("latin-1"))
    return head.policies


class _Head(HTMLParser):
    """Gathers the policies of a document's head; what stands in the body is none."""

    def __init__(self) -> None:
        super().__init__()
        self.policies: list[str] = []
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._ended = self._ended or tag == "body"
        told = dict(attrs)
        named = (told.get("http-equiv") or "").strip().lower()
        if tag == "meta" and not self._ended and named == "content-security-policy":
            self.policies.append(told.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        self._ended = self._ended or tag == "head"
