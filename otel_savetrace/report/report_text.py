"""The report as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.analysis.findings import Report, Verdict


def report_text(report: Report) -> str:
    """Return the report in lines."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    saves = report.saves
    yield (
        f"{saves.total:,} saves: {saves.succeeded:,} succeeded, {saves.failed:,} failed,"
        f" {saves.unknown:,} without an outcome"
    )
    for error in report.errors:
        yield f"{error.code} ({error.stage or 'unknown'}): {error.saves:,} saves, {error.share.value:.0%}"
    for pattern in report.patterns:
        yield f"{pattern.pattern}: {pattern.says}"
    for verdict in report.verdicts:
        yield from _verdict(verdict)
    if report.undetermined.saves:
        yield f"{report.undetermined.saves:,} saves undetermined: {report.undetermined.why}"
    yield from report.patience.says if report.patience else ()


def _verdict(verdict: Verdict) -> Iterator[str]:
    condition = verdict.condition
    when = "" if condition is None else f" when {condition.attribute} {condition.operator} {condition.value}"
    yield f"{verdict.cause}{when}: {verdict.saves:,} saves, {verdict.confidence} confidence"
    for step in verdict.next:
        yield f"  next: {step}"
