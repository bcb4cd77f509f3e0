"""Whether a save is recorded: a real one, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.doctor import trial
from tests.doctor.asking import answered, one_part, only

NOWHERE = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
NOTHING = {"saves": 0, "calls": 0, "attempts": 0, "outcome": "", "header_bytes": 0}


def test_a_trial_save_is_counted_as_its_store_counts_it(tmp_path: Path) -> None:
    """A real save is recorded whole, whatever is set, its head to the byte, and nothing of it is exported."""
    file = tmp_path / "spans.jsonl"
    variables = {
        **NOWHERE, "OTEL_SAVETRACE_FILE": str(file), "OTEL_SAVETRACE_KEYS": "none", "http_proxy": "http://no",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0",
        "OTEL_BSP_SCHEDULE_DELAY": "1", "OTEL_SAVETRACE_IN_FLIGHT": str(tmp_path / "in-flight"),
    }  # fmt: skip
    facts = one_part("trial", variables, tmp_path, instrumented=True)
    assert (facts["status"], facts["outcome"]) == (200, "succeeded")
    assert (facts["saves"], facts["calls"], facts["attempts"]) == (1, 1, 1)
    assert facts["header_bytes"] == facts["header_bytes_received"] > 500
    assert file.read_text() == ""
    assert not (tmp_path / "in-flight").exists()


@pytest.mark.parametrize(
    ("facts", "sampler", "state", "said"),
    [
        ({}, "AlwaysOnSampler", "ok", "its attempt with 829 of 829 header bytes"),
        ({"attempts": 0, "header_bytes": 0}, "AlwaysOnSampler", "failure", "0 attempts, 0 of 829 header"),
        ({"header_bytes": 830}, "AlwaysOnSampler", "failure", "830 of 829 header bytes"),
        ({"saves": 1, "outcome": ""}, "AlwaysOnSampler", "failure", "1 save (no outcome)"),
        (NOTHING, "ParentBased{root:AlwaysOnSampler}", "failure", "though the sampler drops nothing"),
        (NOTHING, "AlwaysOffSampler", "note", "the sampler (AlwaysOffSampler) drops it"),
    ],
)  # fmt: skip
def test_a_trial_save_that_is_not_whole_is_told(
    facts: dict[str, Any], sampler: str, state: str, said: str
) -> None:
    """What of it is missing is a failure, unless the sampler drops it on purpose."""
    found = only(trial.trial_save(answered(trial=facts, loading={"sampler": sampler})))
    assert found.state == state
    assert said in found.said


@pytest.mark.parametrize("facts", [{"switched_on": False}, {"flask": "not instrumented"}])
def test_without_what_is_switched_on_no_save_is_tried(facts: dict[str, Any]) -> None:
    """Why nothing can be recorded is told elsewhere."""
    assert list(trial.trial_save(answered(loading=facts))) == []
