"""All questions in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from otel_savetrace.doctor import (
    arrival,
    exporter,
    gunicorn,
    installation,
    jaeger,
    known_defects,
    loading,
    patience,
    settings,
    trial,
    versions,
)
from otel_savetrace.doctor.child import UnansweredError
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding, Group, failure
from otel_savetrace.doctor.secrets import Secrets

Check = Callable[[Circumstances], Iterable[Finding]]

QUESTIONS: Sequence[tuple[str, Sequence[Check]]] = (
    ("Is it loaded?", (installation.installed, loading.switched_off, loading.switched_on, trial.trial_save)),
    ("Is the exporter reachable?", (exporter.exporter,)),
    ("Does a span arrive?", (arrival.arrival,)),
    ("Are the links configured?", (jaeger.links,)),
    ("Versions", (versions.versions,)),
    ("Settings", (settings.ours, settings.pages, settings.unknown, settings.others, settings.by_default)),
    (
        "Known to bite",
        (
            gunicorn.app,
            patience.retries,
            gunicorn.forks,
            gunicorn.grpc,
            gunicorn.gevent,
            known_defects.botocore,
            known_defects.sampler,
            known_defects.export_patience,
            known_defects.logging_instrumentation,
        ),
    ),
)


def examine(
    asked: Circumstances, questions: Sequence[tuple[str, Sequence[Check]]] = QUESTIONS
) -> Iterator[Group]:
    """Yield the findings of each question as they are known.

    What the app's environment does not answer is told once, at the first check that wanted it.
    """
    told: set[str] = set()
    secrets = Secrets(asked.variables)
    for title, checks in questions:
        found = [finding for check in checks for finding in _findings(check, asked, told)]
        yield Group(title, [secrets.hidden(finding) for finding in found])


def _findings(check: Check, asked: Circumstances, told: set[str]) -> list[Finding]:
    name = check.__name__.replace("_", " ")
    found: list[Finding] = []
    try:
        found.extend(check(asked))
    except UnansweredError as error:
        if str(error) not in told:
            told.add(str(error))
            found.append(installation.unanswered(name, asked.environment.python, str(error)))
    except Exception as error:  # a check that breaks is a line, never a traceback
        found.append(
            failure(
                name,
                f"this check broke: {type(error).__name__}: {error}",
                "report it to otel-savetrace with this line",
            )
        )
    return found
