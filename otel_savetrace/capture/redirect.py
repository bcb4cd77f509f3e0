"""Redirects that mean that the user was not logged in: the save has not taken place."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

_AFTER_A_POST = (302, 303)
_MOST_PLACES = 1_000


class Redirects:
    """Tells a redirect to the login from one after a save.

    Where the paths of logins are configured, these are they. Else a request of a save's route that wrote
    nothing and is redirected was sent to log in, unless those that did write are redirected to the same
    place. A place is a route of the app, else a path; at most 1,000 are remembered.
    """

    def __init__(self, logins: frozenset[str]) -> None:
        self._logins = logins
        self._after_saves: set[tuple[object, str]] = set()

    def is_login(self, route: object, response: Any, adapter: Any, wrote: bool) -> bool:
        """Return whether `response` to `route` sends to log in; `adapter` is the request's URL adapter."""
        if response.status_code not in _AFTER_A_POST:
            return False  # the others ask for the same request at another address
        path = urlsplit(response.headers.get("Location", "")).path
        if self._logins:
            return path in self._logins
        place = (route, _route_of(path, adapter))
        if not wrote:
            return place not in self._after_saves
        if len(self._after_saves) < _MOST_PLACES:
            self._after_saves.add(place)
        return False


def _route_of(path: str, adapter: Any) -> str:
    try:
        rule, _ = adapter.match(path, method="GET", return_rule=True)
    except (AttributeError, HTTPException, RoutingException):
        return path
    return str(rule.rule)
