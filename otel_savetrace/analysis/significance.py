"""The tests by which two groups of saves are told apart: scipy's, each put to what the analysis has.

Every p value is two-sided. A. Agresti, "Categorical Data Analysis", 3.5 and 11.1; M. Hollander and D. Wolfe,
"Nonparametric Statistical Methods", 3.1 and 4.1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis.predicates import Truths

FEWEST = 3
"""With fewer saves on a side, or fewer pairs that differ, no test is made."""

MANY_PAIRS = 10
"""From so many on Wilcoxon's test is made; with fewer the signs alone are counted, exactly."""

Numbers = npt.NDArray[np.float64]


def fisher(truths: Truths, failed: Truths) -> float:
    """Return the p value of Fisher's exact test: whether a statement is true of failed saves as of others."""
    from scipy import stats

    table = [
        [int((truths & failed).sum()), int((truths & ~failed).sum())],
        [int((~truths & failed).sum()), int((~truths & ~failed).sum())],
    ]
    return float(stats.fisher_exact(table).pvalue)


def mann_whitney(failed: Numbers, others: Numbers) -> float | None:
    """Return the p value of the Mann-Whitney test: whether numbers of failed saves rank as the others do.

    None with fewer than `FEWEST` on a side.
    """
    from scipy import stats

    if min(len(failed), len(others)) < FEWEST:
        return None
    return float(stats.mannwhitneyu(failed, others).pvalue)


def mcnemar(there: int, back: int) -> float | None:
    """Return the p value of McNemar's exact test: of the pairs that differ, as many should differ either way.

    None with fewer than `FEWEST` pairs that differ.
    """
    from scipy import stats

    return float(stats.binomtest(there, there + back, 0.5).pvalue) if there + back >= FEWEST else None


def signed_ranks(moved: Numbers) -> float | None:
    """Return the p value of Wilcoxon's signed-rank test over differences within pairs, none of them 0.

    Of fewer than `MANY_PAIRS` the signs alone are tested; None with fewer than `FEWEST`.
    """
    from scipy import stats

    if len(moved) < MANY_PAIRS:
        return mcnemar(int((moved > 0).sum()), int((moved < 0).sum()))
    return float(stats.wilcoxon(moved).pvalue)
