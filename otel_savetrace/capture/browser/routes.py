"""Whether the app has a route of its own where we would answer."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

# Whatever it is asked for, an app that runs in the browser answers with its one page.
_EVERYTHING = re.compile(r"/<path(\([^)]*\))?:\w+>")


def has_route(adapter: Any, path: str, method: str) -> bool:
    """Return whether a rule of the app answers `method` at `path`; `adapter` is the request's URL adapter.

    A rule for every path there is (`/<path:page>`) means no page of ours; for what is posted, it counts.
    """
    if adapter is None:
        return True  # not known
    try:
        rule, _ = adapter.match(path, method=method, return_rule=True)
    except RoutingException:  # a redirect within the app
        return True
    except HTTPException:
        return False
    return method == "POST" or _EVERYTHING.fullmatch(rule.rule) is None
