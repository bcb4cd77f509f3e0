"""Which errors users got, how often, and whether the same content was saved in the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from otel_savetrace.analysis import identity
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import ErrorFound
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.shares import share

MOST_TEXTS = 3
MOST_PLACES = 5

UNNAMED = "unknown"
"""The code of a failure that nothing names."""

UNANSWERED = "no_answer"
"""The code of a save that got no answer, and of which nothing says why."""

Kind = tuple[str, "str | None"]
"""Code and stage."""


def errors_found(failed: Sequence[Save], episodes: Sequence[Episode]) -> tuple[ErrorFound, ...]:
    """Return each code and stage among the failed saves, the most frequent first."""
    by_kind: dict[Kind, list[Save]] = defaultdict(list)
    for save in failed:
        by_kind[kind_of(save)].append(save)
    became = intermittent_kinds(episodes)
    ordered = sorted(by_kind.items(), key=lambda item: (-len(item[1]), item[0][0], item[0][1] or ""))
    return tuple(
        ErrorFound(
            code=kind[0],
            stage=kind[1],
            saves=len(held),
            share=share(len(held), len(failed)),
            intermittent=became.get(kind),
            user_saw=tuple(text for text, _ in _most(save.user_error for save in held)[:MOST_TEXTS]),
            routes=tuple(_most(save.route for save in held)[:MOST_PLACES]),
            things=tuple(_most(named(save) for save in held)[:MOST_PLACES]),
        )
        for kind, held in ordered
    )


def kind_of(save: Save) -> Kind:
    """Return the code and the stage of a failed save; its status where nothing else names it."""
    return save.error_code or (str(save.status_code) if save.status_code else _unnamed(save)), save.stage


def _unnamed(save: Save) -> str:
    return UNNAMED if save.answered == "yes" else UNANSWERED


def named(save: Save) -> str:
    """Return what was saved, as its user would know it; empty where nothing tells."""
    return " / ".join(value for _, value in identity.thing(save))


def intermittent_kinds(episodes: Iterable[Episode]) -> dict[Kind, bool]:
    """Return of each kind that was tried again whether one of its episodes recovered with the same content.

    A kind is missing where nobody tried again, or nothing is known of what was tried.
    """
    found: dict[Kind, bool] = {}
    for episode in episodes:
        for index, save in enumerate(episode.failed):
            kind = kind_of(save)
            if episode.recovered_by is not None:
                if episode.same_content is not None:
                    found[kind] = found.get(kind, False) or episode.same_content
            elif index + 1 < len(episode.failed):
                found.setdefault(kind, False)
    return found


def _most(values: Iterable[str | None]) -> list[tuple[str, int]]:
    counted = Counter(value for value in values if value)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
