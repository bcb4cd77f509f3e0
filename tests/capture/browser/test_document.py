"""Where in a document the script goes, held against what a real browser makes of the document."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Browser

from otel_savetrace.capture.browser.document import LONGEST_LOOK, place_in

TAG = b"<script id=ours></script>"
MARK = b"^"

PLACES = [
    "<!doctype html><html><head>^<title>t</title>",
    "<!DOCTYPE HTML>\n<HTML lang=en>\n<HEAD>^<script>",
    "<html><head prefix='og: >'>^<meta>",
    "<html data-a=\"<head>\" data-b='>'><head>^",
    "<html a=b'c><head>^<p title='>'>",
    "<html a = 'x'/b><head/>^",
    "<!-- <head> --><html><!--[if IE]><head><![endif]--><head>^",
    "<!--[if lt IE 9]><html class=old><![endif]--><!--[if !IE]><!--><html><!--<![endif]--><head>^",
    "<!--><html><head>^-->",
    "<!---><html><head>^-->",
    "<!-- a --!><html><head>^-->",
    "<![if !IE]><html><![endif]><head>^",
    "<?xml version='1.0'?><!doctype html><html><head>^",
    "\ufeff<!doctype html><html><head>^",
    "<html>^<header>",
    "<html>^<headline>",
    "<html>^<body>",
    "<html>^<script>let a = '<head>'</script>",
    "<html>^words<head>",
    "<!doctype html>^<title>t</title><script>",
    "<!doctype html public '-//W3C//DTD XHTML 1.0//EN' 'http://www.w3.org/'>^<meta charset=utf-8>",
    "<!doctype html> <!-- a --> ^<p>",
    "<html> <!-- a --> ^<p>",
]
NOWHERE = [
    "",
    "words",
    "<div>a part of a page</div>",
    "<div><html><head>",
    "<header><head>",
    "<!-- <html><head>",
    "<html a='><head>",
    "<!doctype html",
    "<!doctype html><html>",
    "<html><!-- <head>",
    "</head><html><head>",
    "{'html': '<html><head>'}",
    "\ufffd<html><head>",
]


def placed(html: str, *, charset_is_told: bool = True) -> str:
    """Put a mark where the script would go."""
    body = html.replace("^", "").encode()
    place = place_in(body, charset_is_told=charset_is_told)
    return body.decode() if place is None else (body[:place] + MARK + body[place:]).decode()


@pytest.mark.parametrize("html", PLACES)
def test_the_script_goes_first_into_the_head(html: str) -> None:
    """Behind `<head>`, else `<html>`, else the doctype, wherever the words may stand besides."""
    assert placed(html) == html


@pytest.mark.parametrize("html", NOWHERE)
def test_what_is_no_document_is_left_alone(html: str) -> None:
    """A part of a page, a text, or a tag that does not end has no place."""
    assert place_in(html.encode(), charset_is_told=True) is None


@pytest.mark.parametrize(
    "html",
    [
        "<html><head><meta charset=utf-8>^<script>",
        "<html><head> <!-- <meta charset=x> --><title><meta charset=y></title><META CharSet='utf-8'/>^",
        '<html><head><meta name=a><meta http-equiv="Content-Type" content="text/html; charset=x">^',
        "<html><head>^<script></script><meta charset=utf-8>",
        "<html><head>^<link href=a><meta charset=utf-8>",
        "<html><head>^<title>unended<meta charset=utf-8>",
        "<html><head>^<meta name=a></head>",
    ],
)
def test_an_encoding_that_only_the_document_names_stays_in_front(html: str) -> None:
    """Browsers look for it in the first 1,024 bytes only; what runs before it is not passed, though."""
    assert placed(html, charset_is_told=False) == html


def test_no_more_than_the_beginning_is_looked_at() -> None:
    """A head beyond the first 64 KiB is not found, nor is one that ends beyond them."""
    assert place_in(b" " * LONGEST_LOOK + b"<html><head>", charset_is_told=True) is None
    assert place_in(b"<html a=" + b"x" * LONGEST_LOOK + b"><head>", charset_is_told=True) is None


SEEN_BY_A_BROWSER = """
(pages) => pages.flatMap(([plain, tagged], number) => {
    const read = (html) => new DOMParser().parseFromString(html, "text/html");
    const [before, after] = [read(plain), read(tagged)];
    const ours = after.getElementById("ours");
    const first = ours !== null && ours === after.head.firstElementChild;
    ours?.remove();
    const same = before.documentElement.outerHTML === after.documentElement.outerHTML
        && before.compatMode === after.compatMode;
    return first && same ? [] : [number];
})
"""
PIECES = (
    "<!doctype html>", "<!DOCTYPE html PUBLIC '>", "<html>", "<html lang='>' x>", "<HTML\n/a=b'>", "<head>",
    "<head a=\"'>\">", "<!-- <head> -->", "<!-->", "<!--->", "<!-- --!>", "<![if !IE]>", "<?a '>'?>", "\n ",
    "\t", "<header>", "<script>'<head>'</script>", "<title><head></title>", "<body>", "words",
    "</head>", "<meta>", "'", '"',
)  # fmt: skip


def test_a_real_browser_agrees(chromium: Browser) -> None:
    """Of made-up beginnings, each that gets the script has it first in its head, and is else the same."""
    made = random.Random(8)  # noqa: S311 - documents, no secrets
    documents = [html.replace("^", "").removeprefix("\ufeff") for html in PLACES]
    documents += ["".join(made.choices(PIECES, k=made.randint(1, 8))) for _ in range(3_000)]
    pages = []
    for html in documents:
        body = html.encode()
        place = place_in(body, charset_is_told=True)
        if place is not None:
            pages.append([html, (body[:place] + TAG + body[place:]).decode()])
    assert len(pages) > 800
    page = chromium.new_page()
    wrong = page.evaluate(SEEN_BY_A_BROWSER, pages)
    page.close()
    assert [pages[number] for number in wrong] == []
