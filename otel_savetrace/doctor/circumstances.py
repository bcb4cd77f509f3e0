"""What the doctor was asked, and what the app's environment answers, each part asked for once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import cast

from otel_savetrace.doctor.child import Answer, AppEnvironment
from otel_savetrace.doctor.facts import (
    AppFacts,
    Canary,
    ClientFacts,
    Distributions,
    GunicornFacts,
    Loading,
    Settings,
    Trial,
)

PLAIN_SECONDS = 30.0
"""How long a child may take that only looks."""

START_SECONDS = 30.0
"""How long opentelemetry-instrument may take before the canary is sent; connecting included."""

IMPORT_SECONDS = 120.0
"""How long the app may take to be imported."""


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """One examination.

    `source` is where the canary is looked for, `wait_seconds` how long at most; `app` is ``module:app``,
    `gunicorn_options` what gunicorn is given on its command line.
    """

    environment: AppEnvironment
    source: str | None = None
    wait_seconds: float = 15.0
    app: str | None = None
    gunicorn_options: str = ""

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that the app is started with."""
        return self.environment.variables

    def given(self, name: str) -> str:
        """Return a variable's value, empty where it is not set."""
        return self.variables.get(name, "").strip()

    @functools.cached_property
    def plain(self) -> Answer:
        """What is known without OpenTelemetry being started."""
        words = ["distributions", "settings", "patience", f"gunicorn={self.gunicorn_options}"]
        return self.environment.ask(words, PLAIN_SECONDS, instrumented=False)

    @functools.cached_property
    def instrumented(self) -> Answer:
        """What is known behind opentelemetry-instrument, and what became of the canary."""
        if not self.plain.parts:
            return self.plain  # a Python that cannot do this cannot do that
        words = ["loading", "trial", f"canary={self.wait_seconds}"]
        return self.environment.ask(words, START_SECONDS + 2 * self.wait_seconds, instrumented=True)

    @functools.cached_property
    def imported(self) -> Answer:
        """What is known of the app after its import."""
        if not self.plain.parts:
            return self.plain
        return self.environment.ask([f"app={self.app}"], IMPORT_SECONDS, instrumented=True)

    @property
    def distributions(self) -> Distributions:
        """What is installed."""
        return cast(Distributions, self.plain.part("distributions"))

    @property
    def settings(self) -> Settings:
        """Our own variables."""
        return cast(Settings, self.plain.part("settings"))

    @property
    def default_client(self) -> ClientFacts | None:
        """An S3 client made without saying more."""
        return cast("ClientFacts | None", self.plain.part("patience"))

    @property
    def gunicorn(self) -> GunicornFacts | None:
        """gunicorn's settings."""
        return cast("GunicornFacts | None", self.plain.part("gunicorn"))

    @property
    def loading(self) -> Loading:
        """What is switched on."""
        return cast(Loading, self.instrumented.part("loading"))

    @property
    def trial(self) -> Trial | None:
        """What was recorded of a trial save."""
        return cast("Trial | None", self.instrumented.part("trial"))

    @property
    def canary(self) -> Canary:
        """What became of the span that was sent."""
        return cast(Canary, self.instrumented.part("canary"))

    @property
    def app_facts(self) -> AppFacts:
        """What stands after the app's import."""
        return cast(AppFacts, self.imported.part("app"))
