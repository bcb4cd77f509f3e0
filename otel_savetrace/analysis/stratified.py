"""Whether two things go together beyond what a third has to do with both."""

from __future__ import annotations

from collections.abc import Iterable

Table = tuple[int, int, int, int]
"""A two-by-two table: exposed and failed, exposed and not, not exposed and failed, neither."""


def mantel_haenszel(strata: Iterable[Table]) -> float:
    """Return the p value of the Cochran-Mantel-Haenszel test over strata, with continuity correction.

    1 where no stratum tells anything. N. Mantel and W. Haenszel, "Statistical aspects of the analysis of data
    from retrospective studies of disease", JNCI 22 (1959); A. Agresti, "Categorical Data Analysis", 6.3.2.
    scipy has no such test.
    """
    from scipy import stats

    excess, variance = 0.0, 0.0
    for a, b, c, d in strata:
        n = a + b + c + d
        if n < 2:
            continue
        exposed, failed = a + b, a + c
        excess += a - exposed * failed / n
        variance += exposed * (c + d) * failed * (b + d) / (n * n * (n - 1))
    if variance <= 0.0:
        return 1.0
    corrected = max(abs(excess) - 0.5, 0.0)
    return float(stats.chi2.sf(corrected * corrected / variance, df=1))
