"""What each witness of a save says of it, and whom to believe where they disagree.

For what the user got the outermost is right: the browser, else the front server, else the app. Whether it is
stored the store alone knows, by way of the app.
"""

from __future__ import annotations

from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.save import BROWSER_CODE, Save
from otel_savetrace.analysis.words import duration

Saying: TypeAlias = tuple[str, str]
"""Who says it, and what."""

_STORED: dict[str, str] = {
    attributes.YES: "stored", attributes.NO: "not stored", attributes.UNKNOWN: "perhaps stored",
}  # fmt: skip

_RIGHT = {
    ("failed", attributes.YES): "it failed, and is stored all the same",
    ("failed", attributes.NO): "it failed, and is not stored",
    ("succeeded", attributes.YES): "it worked, and is stored",
    ("succeeded", attributes.NO): "it seemed to work, and is not stored",
}


def sayings(save: Save) -> tuple[Saying, ...]:
    """Return what each witness says, the outermost first; empty where the app is the only one."""
    held = save.span.attributes
    named = (values.text(held.get(witness.WITNESSES)) or "").split(", ")
    fronts = [
        one.removesuffix(witness.ACCESS_LOG).strip() for one in named if one.endswith(witness.ACCESS_LOG)
    ]
    front = values.integer(held.get(witness.FRONT_STATUS))
    told: list[Saying] = []
    if witness.BROWSER in named:
        told.append((witness.BROWSER, _of_browser(save)))
    if fronts and front is not None:
        told.append((next(filter(None, fronts), "front server"), str(front)))
    if not told:
        return ()
    if witness.has_trace(save.span):
        told.append(("app", _of_app(save)))
    elif not witness.is_told_by_log(save.span) or not save.calls:
        told.append(("app", "not heard of" if save.stored is None else "in its log"))
    if save.stored is not None:
        told.append(("store", _STORED.get(save.stored, save.stored)))
    return tuple(told)


def disagreement(save: Save) -> str | None:
    """Return, as one clause, who says what and who is right; None where the witnesses agree."""
    told = sayings(save)
    if not told or not _is_disputed(save):
        return None
    said = "; ".join(f"{who}: {what}" for who, what in told)
    right = _RIGHT.get(
        (save.outcome, save.stored or ""), "it failed" if save.outcome == "failed" else "it worked"
    )
    return f"{said}. {_named(told[0][0])} is right for the user: {right}"


def _named(who: str) -> str:
    return who if who == "nginx" else f"The {who}"


def _of_browser(save: Save) -> str:
    held = save.span.attributes
    said = str(held.get(witness.BROWSER_SAID) or held.get(witness.BROWSER_OUTCOME) or "no word")
    waited = values.number(held.get(witness.BROWSER_SECONDS))
    return said if waited is None else f"{said} after {duration(waited)}"


def _of_app(save: Save) -> str:
    held = save.span.attributes
    code = values.text(held.get(attributes.ERROR_CODE))
    status = held.get(witness.APP_STATUS, save.status_code)
    if code is not None and save.outcome == "failed":
        return code
    return "no answer" if status in {None, witness.NO_ANSWER} else str(status)


def _is_disputed(save: Save) -> bool:
    """Return whether the user got anything else than what the app gave."""
    held = save.span.attributes
    if not witness.has_trace(save.span):
        return False
    unknown_to_app = BROWSER_CODE in held and attributes.ERROR_CODE not in held
    return unknown_to_app or witness.APP_STATUS in held
