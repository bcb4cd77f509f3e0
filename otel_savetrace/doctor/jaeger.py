"""Jaeger's page: the links that it needs, and whether a Jaeger serves them."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding, note, ok, warning
from otel_savetrace.spans.jaeger import base_address

PAGE_SECONDS = 10.0
SHIPPED_SERVICE = "storymap"

TODO = "savetrace jaeger-ui-config --output ui.json, and name that file in Jaeger's configuration"

_SERVICE = re.compile(r"(?<=[?&]service=)[^&#]*")
# Jaeger puts it into its page, whatever else that holds: cmd/query/app/static_handler.go.
_EMBEDDED = re.compile(r"JAEGER_CONFIG\s*=\s*(?=\{)")
_NO_PAGE = "This is not the Jaeger UI"
_MARK = "savetrace.previous_trace_id"


def ui_config(service: str = SHIPPED_SERVICE) -> dict[str, Any]:
    """Return the configuration of Jaeger's page, its searches naming `service`.

    Raises `RealPartError` where this installation lacks the folder ``collector``.
    """
    shipped = (collector_folder() / "jaeger" / "ui.json").read_text(encoding="utf-8")
    config: dict[str, Any] = json.loads(shipped)
    named = urllib.parse.quote(service, safe="")
    for pattern in config["linkPatterns"]:
        pattern["url"] = _SERVICE.sub(lambda _: named, pattern["url"])
    return config


def links(asked: Circumstances) -> Iterator[Finding]:
    """Look at the configuration that Jaeger serves within its page."""
    source = asked.source or ""
    if not source.lower().startswith(("http://", "https://")):
        yield note(
            "links",
            "not looked for: the source is no Jaeger" if source else "not looked for: no Jaeger is named",
        )
        return
    address = base_address(source)
    try:
        page = _page(address)
    except (OSError, http.client.HTTPException, ValueError) as error:
        yield note("page", f"{address} has no page to look at ({_reason(error)})")
        return
    if "JAEGER_CONFIG" not in page:
        yield note(
            "page", f"what {address} shows is not Jaeger's page, or a proxy's before it: links cannot be seen"
        )
        return
    if _NO_PAGE in page:
        yield note(
            "page", "this Jaeger has no web page, only the API; its configuration is served all the same"
        )
    yield from _compared(_served(page), page, asked.canary["service"])


def _compared(served: Any, page: str, service: str) -> Iterator[Finding]:
    if served is None:
        if _MARK in page:
            yield ok("links", "they are configured, by a script")
        else:
            yield warning(
                "links",
                "this Jaeger has no configuration of its page: no link from a save to its retry",
                TODO,
            )
        return
    patterns = [one for one in served.get("linkPatterns") or [] if isinstance(one, dict)]
    ours = ui_config(service)["linkPatterns"]
    missing = [one["text"] for one in ours if not any(_same_link(one, other) for other in patterns)]
    if missing:
        yield warning("links", f"not configured: {', '.join(missing)}", TODO)
    else:
        yield ok("links", f"all {len(ours)} are configured, such as {ours[0]['text']!r}")
    yield from _other_service(patterns, ours, service)


def _other_service(patterns: list[Any], ours: list[Any], service: str) -> Iterator[Finding]:
    linked = [one for one in patterns if any(_same_link(one, other) for other in ours)]
    named = {
        urllib.parse.unquote(found[0])
        for one in linked
        for found in [_SERVICE.search(str(one["url"]))]
        if found
    }
    others = sorted(named - {service})
    if others:
        yield warning(
            "links",
            f"they search the service {', '.join(others)}; spans are sent as {service}",
            f"savetrace jaeger-ui-config --service {shlex.quote(service)}, and give Jaeger that",
        )


def _same_link(one: Any, other: Any) -> bool:
    """Return whether two patterns lead the same way: by type, key and address, whatever they are called."""

    def way(pattern: Any) -> tuple[Any, ...]:
        return pattern.get("type"), pattern.get("key"), _SERVICE.sub("", str(pattern.get("url", "")))

    return bool(way(one) == way(other))


def _served(page: str) -> Any:
    """Return the configuration in a page, `None` where there is none or it is a script."""
    found = _EMBEDDED.search(page)
    if found is None:
        return None
    try:
        served, _ = json.JSONDecoder().raw_decode(page, found.end())
    except ValueError:
        return None
    return served


def _page(address: str) -> str:
    request = urllib.request.Request(f"{address}/search", headers={"Accept": "text/html"})  # noqa: S310 - http(s), `links` looked
    with urllib.request.urlopen(request, timeout=PAGE_SECONDS) as answer:  # noqa: S310 - as above
        body: bytes = answer.read()
    return body.decode(errors="replace")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        with error:
            return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__
