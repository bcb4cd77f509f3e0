"""One client of the site: a browser with its own cookie jar, or a script without one."""

from __future__ import annotations

import dataclasses
import json
import random
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse
from http.cookiejar import CookieJar

from tests.e2e.crowd.diary import Diary, Entry
from tests.e2e.crowd.scenarios import LOGGED_OUT, LONG_ENOUGH_TO_OVERLAP, Party, Press

PRESS_HEADER = "X-Press"
CLIENT_HEADER = "X-Client"
TROUBLE_HEADER = "X-Trouble"
PAUSE_HEADER = "X-Pause"

_ANSWER_SECONDS = 60.0
_WORDS = ("harbour", "bridge", "market", "night", "river", "song", "tower", "winter")


def _opener() -> urllib.request.OpenerDirector:
    """Open http addresses as they are: no proxy, no redirect followed, any status an answer."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.HTTPHandler())
    return opener


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A request that is ready to be sent, with what its client knew then."""

    press: Press
    request: urllib.request.Request
    number: int
    click: int
    retries: int | None


class Client:
    """Presses buttons and remembers which documents it still has to save again.

    `jar` is None for a script, which says who it is in a header. Requests may be sent from several threads.
    """

    def __init__(
        self, address: str, name: str, party: Party, diary: Diary, restarted: Callable[[], int]
    ) -> None:
        self.name = name
        self.jar = None if party.kind == "script" else CookieJar()
        self._address = address
        self._party = party
        self._diary = diary
        self._restarted = restarted
        self._unsaved: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()
        self._opener = _opener()

    def log_in(self) -> None:
        """Get a session, as a browser."""
        if self.jar is None:
            return
        form = urllib.parse.urlencode({"name": self.name}).encode()
        request = urllib.request.Request(f"{self._address}/login/", form)  # noqa: S310 - it is http
        self.jar.add_cookie_header(request)
        status, _ = self._send(request)
        assert status == 302

    def log_out(self) -> None:
        """Lose the session and nothing else."""
        assert self.jar is not None
        self.jar.clear(urllib.parse.urlsplit(self._address).hostname, "/", "session")

    def prepare(self, press: Press, click: int | None = None, *, overlaps: bool = False) -> Prepared:
        """Make the request of a press: with the cookies that the jar holds by now.

        `click` is the number of the click that it belongs to, where it is the second of a double click; with
        `overlaps` the app takes long enough for both to run at once.
        """
        number = self._diary.number()
        form = urllib.parse.urlencode(self._form(press)).encode()
        address = f"{self._address}/storymap/{press.way}/"
        request = urllib.request.Request(address, form, {PRESS_HEADER: str(number)})  # noqa: S310 - it is http
        if self.jar is None:
            request.add_header(CLIENT_HEADER, self.name)
        if press.trouble is not None and press.trouble.fault is None:
            request.add_header(TROUBLE_HEADER, press.trouble.name)
        if overlaps:
            request.add_header(PAUSE_HEADER, str(LONG_ENOUGH_TO_OVERLAP))
        if press.trouble is LOGGED_OUT:
            self.log_out()
        with self._lock:
            if self.jar is not None:
                self.jar.add_cookie_header(request)
            retries = self._unsaved.get((press.way, press.document))
        return Prepared(press, request, number, click or number, retries)

    def send(self, prepared: Prepared, kind: str) -> None:
        """Send it and write into the diary what came of it."""
        press = prepared.press
        restarted = self._restarted()
        status, failed = self._send(prepared.request, lambda failed: self._remember(prepared, failed))
        self._diary.note(
            Entry(
                number=prepared.number,
                click=prepared.click,
                client=self.name,
                keeps_cookies=self.jar is not None,
                kind=kind,
                content=(press.document, press.version),
                trouble=press.trouble.name if press.trouble else None,
                retries=prepared.retries,
                restarted=restarted,
                status=status,
                failed=failed,
            )
        )
        if press.trouble is LOGGED_OUT:
            self.log_in()

    def _send(
        self, request: urllib.request.Request, remember: Callable[[bool], None] = lambda _: None
    ) -> tuple[int, bool]:
        """Return the answer's status, and whether it says that nothing was saved."""
        answer: HTTPResponse = self._opener.open(request, timeout=_ANSWER_SECONDS)
        with answer:
            failed = _tells_of_failure(answer)
            # What the jar holds and what the client knows is one: answers may come in two threads at once.
            with self._lock:
                if self.jar is not None:
                    self.jar.extract_cookies(answer, request)
                remember(failed)
        return answer.status, failed

    def _remember(self, prepared: Prepared, failed: bool) -> None:
        thing = (prepared.press.way, prepared.press.document)
        if failed:
            self._unsaved[thing] = prepared.number
        elif prepared.retries is not None and self._unsaved.get(thing) == prepared.retries:
            del self._unsaved[thing]

    def _form(self, press: Press) -> dict[str, str]:
        document = self._party.document_id(press.document)
        form = {"owner": self._party.owner, "d": _content(self._party.number, press.version)}
        form["title" if press.way == "create" else "id"] = document
        return form


def _tells_of_failure(answer: HTTPResponse) -> bool:
    body = answer.read()
    if answer.status >= 400 or answer.headers.get("Location") == "/select/":
        return True
    return answer.headers.get_content_type() == "application/json" and "error" in json.loads(body)


def _content(party: int, version: int) -> str:
    """Return a storymap as the editor sends it; two versions differ."""
    chance = random.Random(f"{party} {version}")  # noqa: S311 - a story, no secret
    # As long as people's are: a save of which nothing but its length is known is told from others by that.
    slides = [
        " ".join(chance.choices(_WORDS, k=chance.randrange(20, 200))) for _ in range(chance.randrange(1, 12))
    ]
    return json.dumps({"version": version, "slides": slides})
