"""Whether a save is recorded: a trial, made inside the app's environment."""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.analysis.words import count
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding, failure, note, ok


def trial_save(asked: Circumstances) -> Iterator[Finding]:
    """Tell whether a save is recorded by what is switched on, with the versions that are here."""
    held = asked.loading
    if not held["switched_on"] or {held["flask"], held["botocore"]} != {"instrumented"}:
        return
    facts = asked.trial
    if facts is None:
        return
    recorded = (facts["saves"], facts["calls"], facts["attempts"], facts["outcome"])
    counted = f"{facts['header_bytes']:,} of {facts['header_bytes_received']:,} header bytes"
    if recorded == (1, 1, 1, "succeeded") and facts["header_bytes"] == facts["header_bytes_received"]:
        yield ok("trial save", f"recorded whole: the save, its call and its attempt with {counted}")
    elif recorded == (0, 0, 0, ""):
        yield _nothing_recorded(held["sampler"])
    else:
        outcome = facts["outcome"] or "no outcome"
        yield failure(
            "trial save",
            f"it was answered {facts['status']}, and recorded: {count(facts['saves'], 'save')} ({outcome}),"
            f" {count(facts['calls'], 'call')}, {count(facts['attempts'], 'attempt')}, {counted}",
            "report it with the versions below: one of them may not be known to otel-savetrace",
        )


def _nothing_recorded(sampler: str) -> Finding:
    if "root:AlwaysOn" in sampler or sampler.startswith("AlwaysOn"):
        return failure(
            "trial save",
            "nothing was recorded of it, though the sampler drops nothing",
            "look whether OTEL_PYTHON_EXCLUDED_URLS takes out every address; else report it",
        )
    return note(
        "trial save", f"nothing was recorded of it: the sampler ({sampler.partition('{')[0]}) drops it"
    )
