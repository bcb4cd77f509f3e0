"""What saves that depend on one another are worth: those of one user, or of one stretch of time.

What one user has in common (a browser, a plan) is seen anew with each save of that user, and what holds for
an hour with each save in that hour. Where failures come together too, one coincidence looks like many. A
p value that takes the saves for independent is weakened by the design effect: by so much the variance grows
when they are not.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis.predicates import Truths


def effect_of_groups(truths: Truths, failed: Truths, groups: Sequence[Hashable]) -> float:
    """Return the design effect of groups, such as the saves of one user; 1 where there is none.

    1 + (m - 1) r, with m the number of failed saves in the group of a failed save, and r the correlation of
    the statement within groups. L. Kish, "Survey Sampling" (1965), 5.4; J. N. K. Rao and A. J. Scott, "A
    simple method for the analysis of clustered binary data", Biometrics 48 (1992).
    """
    places = _numbered(groups)
    sizes = np.bincount(places[failed])
    usual_size = float((sizes**2).sum() / max(sizes.sum(), 1))
    return 1.0 + max(usual_size - 1.0, 0.0) * correlation_within(truths, places)


def effect_of_time(truths: Truths, failed: Truths, starts: Sequence[int]) -> float:
    """Return the design effect of following one another in time; 1 where there is none.

    (1 + r s) / (1 - r s), with r and s the correlations of the statement, and of failing, with the save
    before. M. S. Bartlett, "Some aspects of the time-correlation problem in regard to tests of significance",
    Journal of the Royal Statistical Society 98 (1935).
    """
    order = np.argsort(np.asarray(starts, dtype=np.int64), kind="stable")
    product = _correlation_with_next(truths[order]) * _correlation_with_next(failed[order])
    return (1.0 + product) / (1.0 - product)


def weakened(p: float, effect: float) -> float:
    """Return a two-sided p value with its normal deviate divided by the root of a design effect."""
    from scipy import stats

    if effect <= 1.0 or p >= 1.0:
        return p
    deviate = stats.norm.isf(max(p, float(np.finfo(float).tiny)) / 2.0)
    return float(2.0 * stats.norm.sf(deviate / np.sqrt(effect)))


def correlation_within(truths: Truths, places: npt.NDArray[np.intp]) -> float:
    """Return how much less a statement varies within groups than over all: 1 not at all, 0 no less.

    The intraclass correlation, by analysis of variance; `places` numbers each save's group from 0.
    """
    sizes, held = np.bincount(places), np.bincount(places, weights=truths)
    degrees = int((sizes - 1).sum())
    share = float(truths.mean())
    if degrees == 0 or share in {0.0, 1.0}:
        return 0.0
    within = float((held * (sizes - held) / sizes).sum()) / degrees
    return min(max(1.0 - within / (share * (1.0 - share)), 0.0), 1.0)


def _numbered(groups: Sequence[Hashable]) -> npt.NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)


def _correlation_with_next(held: Truths) -> float:
    if len(held) < 3 or any(part.all() or not part.any() for part in (held[1:], held[:-1])):
        return 0.0
    found = float(np.corrcoef(held[1:], held[:-1])[0, 1])
    # No series is known to hold for ever: one change in so many saves may be the next.
    return min(max(found, 0.0), 1.0 - 1.0 / len(held))
