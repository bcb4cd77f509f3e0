"""What is being saved and by whom, as far as names tell it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

import flask

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.request_fields import request_attributes
from otel_savetrace.capture.retry.record import DIGEST_BYTES, UNKNOWN, Marks
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.config import Settings

Client: TypeAlias = tuple[tuple[str, str], ...]
"""What a client without cookies is known by: names and values of attributes."""

_CUT = "…"


class Naming:
    """Which of the attributes that a user has named say what is saved, by whom, and from which client."""

    def __init__(self, settings: Settings) -> None:
        of_pattern = settings.key_names
        of_request = {one.name for one in settings.request_attributes}
        self.naming = frozenset(name for name in of_pattern | of_request if _names_it(name))
        self.request_attributes = settings.request_attributes
        self.client = tuple(
            sorted(
                {name for name in of_pattern if attribute.names_user(name)}
                | {
                    one.name
                    for one in settings.request_attributes
                    if one.source in ("header", "session") or _names_anybody(one.name)
                }
            )
        )

    def client_of(self, known: Known) -> Client:
        """Return what a client is known by without a cookie; empty where nothing tells."""
        return tuple((name, str(known[name])) for name in self.client if name in known)


class Thing:
    """What one save saves.

    A name that ends in `id` and the like tells things apart, one with `user` in it only users: where no name
    tells the thing, the first object that was written does, and where none was, nothing is known but the form
    of the request.
    """

    def __init__(
        self, naming: Naming, app: flask.Flask, request: flask.Request, save: Save, known: Known
    ) -> None:
        rule = request.url_rule
        route = (app.name, request.method, rule.rule if rule is not None else request.path)
        named = {name: str(known[name]) for name in naming.naming if name in known}
        users = {name: value for name, value in named.items() if attribute.names_user(name)}
        written = save.totals.first_written if save.totals is not None else None
        self.wrote = written is not None
        in_address = _in_order({name: str(value) for name, value in (request.view_args or {}).items()})
        # As the request itself gave them: the app makes the id of what is new, which only a key tells.
        in_request = {
            name: value
            for name, value in request_attributes(naming.request_attributes)
            if name in naming.naming
        }
        self._user = (route, _in_order(users), in_address, _in_order(in_request))
        self._of_request = _thing(route, in_request)
        self._thing = _thing(route, named)
        if written is not None and (self._thing is None or any(_CUT in value for value in named.values())):
            self._thing = (route, _in_order(named), written)
        environ = request.environ
        # The page that a save comes from often names what is saved, where nothing else does.
        self._form = (
            route,
            in_address,
            environ.get("QUERY_STRING"),
            environ.get("CONTENT_LENGTH"),
            environ.get("HTTP_REFERER"),
        )

    def marks(self, key: bytes) -> Marks:
        """Return the digests of it that `key` gives: nobody without the key can guess what they stand for."""
        return Marks(
            _digest(key, self._thing),
            _digest(key, self._of_request),
            _digest(key, self._form),
            _digest(key, self._user),
        )


def _names_it(name: str) -> bool:
    # A client's own id is another one after a reload, and says nothing of what is saved.
    return attribute.names_user(name) or (attribute.names_it(name) and not attribute.names_client(name))


def _names_anybody(name: str) -> bool:
    return attribute.names_user(name) or attribute.names_client(name)


def _thing(route: object, named: Mapping[str, str]) -> object:
    return (route, _in_order(named)) if any(not attribute.names_user(name) for name in named) else None


def _in_order(named: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(named.items()))


def _digest(key: bytes, what: object) -> bytes:
    if what is None:
        return UNKNOWN
    told = repr(what).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, key=key, digest_size=DIGEST_BYTES).digest()
