"""What becomes of a save that may be a retry, or may have one."""

from __future__ import annotations

import dataclasses
import math
import os

import flask

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import logger
from otel_savetrace.capture.retry import answer, brought
from otel_savetrace.capture.retry.brought import Brought
from otel_savetrace.capture.retry.memory import Memory
from otel_savetrace.capture.retry.pairing import match, retried_of
from otel_savetrace.capture.retry.record import UNKNOWN, Record
from otel_savetrace.capture.retry.saved import Saved
from otel_savetrace.capture.retry.seal import Reason, Seal, secrets_of
from otel_savetrace.capture.retry.thing import Naming
from otel_savetrace.capture.retry.told import PairedBy, attributes_of, link_to
from otel_savetrace.capture.retry.watch import COOKIE
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.config import Settings

_MOST_SEALS = 100
_NAME_BYTES = 4


@dataclasses.dataclass
class Found:
    """What failed saves a save was found to retry.

    `answered` are the cookies of ours that it is the retry of, `remembered` the failed saves in memory; of
    either the first is the one. `others` are cookies of other things, `refused` says why some were not used.
    """

    seals: list[Seal]
    answered: list[Brought] = dataclasses.field(default_factory=list)
    others: list[Brought] = dataclasses.field(default_factory=list)
    remembered: list[Record] = dataclasses.field(default_factory=list)
    refused: list[Reason] = dataclasses.field(default_factory=list)
    failed: Record | None = None
    paired_by: PairedBy = "cookie"


class Retries:
    """Pairs saves with the failed ones that they retry; one a process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._naming = Naming(settings)
        self._own_key = os.urandom(32)
        self._seals: dict[tuple[str, bytes], Seal] = {}
        self._told: set[str] = set()
        self.memory = Memory(settings.cookie_seconds)

    def note(self, app: flask.Flask, request: flask.Request, save: Save, known: Known) -> None:
        """Take in a save; see `RetryWatch.note`. An exception that becomes an answer is told twice."""
        saved = Saved(self._naming, app, request, save, known)
        found, is_new = save.found, save.found is None
        if found is None:
            found = save.found = self._find(saved)
        if found.refused:
            known[attribute.COOKIE_REFUSED] = " ".join(found.refused)
        if found.failed is not None:
            told = attributes_of(saved, found.failed, found.paired_by)
            known.update(told)
            if is_new:
                link = link_to(found.failed, told, found.paired_by)
                save.span.add_link(link.context, link.attributes)
        if saved.worked:
            self._end_well(saved, found)
        else:
            self._leave_word(saved, found)

    def _find(self, saved: Saved) -> Found:
        found = Found(self._seals_of(saved.app))
        if found.seals and COOKIE in saved.request.environ.get("HTTP_COOKIE", ""):
            self._find_by_cookie(saved, found)
        # Of a client with cookies, a retry that worked in another process would go unnoticed here.
        elif self.memory.holds_failed and saved.client and not saved.has_cookies:
            self._find_in_memory(saved, found)
        return found

    def _find_by_cookie(self, saved: Saved, found: Found) -> None:
        ours, found.refused = brought.read(saved.request.environ, found.seals, self._settings.cookie_seconds)
        presents = {seal: saved.present(seal.key) for seal in {one.seal for one in ours}}
        found.answered = retried_of(ours, lambda one: match(one.record, presents[one.seal]))
        found.others = [one for one in ours if one not in found.answered]
        worked = self.memory.worked
        fresh = [
            one.record
            for one in found.answered
            # The second click of two was under way when the first had worked: no replay.
            if worked.get(one.record.first_trace_id, math.inf) >= saved.started
        ]
        if fresh:
            found.failed = fresh[0]
        if len(fresh) < len(found.answered):
            found.refused.append("replayed")

    def _find_in_memory(self, saved: Saved, found: Found) -> None:
        present = saved.present(self._own_key)
        earlier = [
            one
            for one in self.memory.failed_saves_of(saved.client)
            if one.milliseconds <= saved.started * 1000  # else both were under way at once
        ]
        found.remembered = retried_of(earlier, lambda one: match(one, present))
        if found.remembered:
            found.failed, found.paired_by = found.remembered[0], "memory"

    def _end_well(self, saved: Saved, found: Found) -> None:
        """Note that a save has worked: what failed before it is over."""
        for record in self._forget(saved, found):
            self.memory.note_worked(record.first_trace_id)
        self._take_back(saved, found.answered)

    def _leave_word(self, saved: Saved, found: Found) -> None:
        """Note that a save has failed, for its retry to know."""
        carried = self._set_cookie(saved, found)
        self._forget(saved, found)
        client = saved.client
        if not client or saved.has_cookies:
            return
        record = saved.record(self._own_key, found.failed)
        if carried and _keeps_cookies(saved.request):
            self.memory.forget(client, record.span_id)  # it was told before it became an answer
        else:
            self.memory.remember(client, record)

    def _forget(self, saved: Saved, found: Found) -> list[Record]:
        """Forget the failed saves that this one retries, and return them."""
        retried = [*found.remembered, *(one.record for one in found.answered)]
        if self.memory.holds_failed:
            for record in retried:  # also those that a client had no cookies yet for
                self.memory.forget(saved.client, record.span_id)
        return retried

    def _set_cookie(self, saved: Saved, found: Found) -> bool:
        response = saved.answer
        if response is None or not found.seals or not answer.may_carry(saved.request, response):
            return False
        path = answer.path_of(saved.app, saved.request)
        record = saved.record(found.seals[0].key, found.failed, len(path))
        marks = record.marks
        name = COOKIE + (marks.form if marks.thing == UNKNOWN else marks.thing)[:_NAME_BYTES].hex()
        value = found.seals[0].sign(record)
        answer.set_cookie(saved.request, response, name, value, path, self._settings.cookie_seconds)
        others = [one for one in found.others if one.name != name]
        superseded = [one for one in found.answered if one.name != name]
        self._take_back(saved, [*superseded, *others[brought.MOST - 1 :]])
        return True

    def _take_back(self, saved: Saved, cookies: list[Brought]) -> None:
        response = saved.answer
        if not cookies or response is None or answer.may_be_shared(saved.request, response):
            return
        whole = answer.whole_path(saved.app, saved.request)
        for one in cookies:
            answer.delete_cookie(saved.request, response, one.name, whole[: one.record.path_length])

    def _seals_of(self, app: flask.Flask) -> list[Seal]:
        """Return the seals of an app, the one to sign with first; none where no cookies are wanted."""
        if not self._settings.cookie:
            return []
        seals = [self._seal_of(app.name, secret) for secret in secrets_of(app, self._settings.cookie_secret)]
        if not seals and app.name not in self._told and len(self._told) < _MOST_SEALS:
            self._told.add(app.name)
            logger.warning(
                "otel-savetrace: the app %r has no SECRET_KEY, so no cookie tells what a save retries; set"
                " OTEL_SAVETRACE_COOKIE_SECRET, the same for all its workers and hosts, to switch that on, or"
                " OTEL_SAVETRACE_COOKIE=off to leave it off.",
                app.name,
            )
        return seals

    def _seal_of(self, application: str, secret: bytes) -> Seal:
        if len(self._seals) > _MOST_SEALS:
            self._seals.clear()
        key = application, secret
        if key not in self._seals:
            self._seals[key] = Seal(secret, application)
        return self._seals[key]


def _keeps_cookies(request: flask.Request) -> bool:
    """Return whether a browser says that it sends its cookies with this request (W3C, Fetch Metadata)."""
    return bool(request.environ.get("HTTP_SEC_FETCH_SITE") == "same-origin")
