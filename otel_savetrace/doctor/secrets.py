"""What may not be told: whatever a finding quotes, no secret of the environment is in it."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Iterator, Mapping

from otel_savetrace.doctor.findings import Finding

HIDDEN = "****"

HEADERS = re.compile(r"OTEL_EXPORTER_OTLP_\w*HEADERS")
"""Variables that hold headers, of which names are told and values are not."""

SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|(ACCESS|API|COOKIE|SIGNING|PRIVATE)_KEY")
"""Parts of a variable's name that say that its value is a secret."""

SHORTEST = 6
"""A shorter value is part of too many words to be taken out of them."""

_USER = re.compile(r"(?<=//)([^/@\s]+)@")


class Secrets:
    """The secrets of an environment, and how to take them out of a text."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        known = {part for name, value in variables.items() for part in _secrets(name, value)}
        # Longest first: one may be the beginning of another.
        self._known = sorted((one for one in known if len(one) >= SHORTEST), key=len, reverse=True)

    def without(self, text: str) -> str:
        """Return a text with every secret hidden, those that stand in an address too."""
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        return _USER.sub(f"{HIDDEN}@", text)

    def hidden(self, finding: Finding) -> Finding:
        """Return a finding without secrets."""
        said, todo = self.without(finding.said), self.without(finding.todo)
        return dataclasses.replace(finding, said=said, todo=todo)


def _secrets(name: str, value: str) -> Iterator[str]:
    if HEADERS.fullmatch(name):
        for entry in value.split(","):
            held = entry.partition("=")[2].strip()
            yield from (held, urllib.parse.unquote(held))
    elif SECRET.search(name):
        yield value.strip()
    for user in _USER.findall(value):
        # Without the address around it, too: gRPC leaves its beginning off.
        yield from (user, user.partition(":")[2])
