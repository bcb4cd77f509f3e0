"""The document that `savetrace doctor --json` prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from otel_savetrace.doctor.findings import Group

DOCTOR_SCHEMA = "savetrace.doctor/1"


def doctor_document(groups: Sequence[Group]) -> dict[str, Any]:
    """Return every finding by its question; `well` says whether nothing fails."""
    return {
        "schema": DOCTOR_SCHEMA,
        "well": all_well(groups),
        "questions": [
            {
                "name": group.name,
                "title": group.title,
                "findings": [dataclasses.asdict(finding) for finding in group.findings],
            }
            for group in groups
        ],
    }


def all_well(groups: Sequence[Group]) -> bool:
    """Return whether nothing fails; a warning alone is well."""
    return not any(finding.state == "failure" for group in groups for finding in group.findings)
