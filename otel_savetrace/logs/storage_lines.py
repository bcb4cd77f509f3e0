"""What a storage line says: ``[SAVE_ATTEMPT]``, ``[SAVE_SUCCESS]``, ``[SAVE_UNKNOWN]``, ``[STORAGE_ERROR]``.

Both as apps print them that name their own functions, and as ``OTEL_SAVETRACE_LOG=on`` writes them, which
names S3's operation and ends each line in the ids of its trace and span.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import BOTO_ERROR

TAG = re.compile(r"\[(?P<tag>SAVE_ATTEMPT|SAVE_SUCCESS|SAVE_UNKNOWN|STORAGE_ERROR)\]")

Ids: TypeAlias = tuple[str, str]
"""Trace and span id of a storage call, in hex."""

_IDS = re.compile(r" trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16})$")
_FUNCTION = re.compile(r"(?P<function>[\w.<>]{1,200})(?:\(\))?(?::| |$)")
_IN_FUNCTION = re.compile(r" in (?P<function>[\w.<>]{1,200})\(\)$")
_WHAT = re.compile(r"(?P<kind>[A-Za-z_][\w.]{0,200})(?:: ?(?P<rest>.*))?$", re.DOTALL)
_CODE = re.compile(r"[\w.]{1,200}(?= \(|$)")
_LENGTH = re.compile(r"\(len=(\d{1,9})\)$")
_KEY_LEN = re.compile(r"\bkey_len=(\d{1,9})\b")
_SIZE = re.compile(r"\bcontent_size=(\d{1,15})\b")
_ATTEMPTS = re.compile(r"\battempts=(\d{1,6})\b")
_NUMBER = re.compile(r"\d{1,15}$")
_CUT = ("...", "…")

_STATUS = re.compile(r"['\"]HTTPStatusCode['\"]: ?(\d{3})\b")
_REQUEST_ID = re.compile(r"['\"]RequestId['\"]: ?['\"]([\w./+=-]{1,100})['\"]")
_HOST_ID = re.compile(r"['\"]HostId['\"]: ?['\"]([\w./+=-]{1,200})['\"]")
_RETRIES = re.compile(r"['\"]RetryAttempts['\"]: ?(\d{1,6})\b")
_ANSWERED_CODE = re.compile(r"['\"]Code['\"]: ?['\"]([\w.]{1,200})['\"]")


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What a line says of what was saved; `cut`: only the beginning of the key stands there."""

    key: str | None = None
    cut: bool = False
    key_len: int | None = None
    content_size: int | None = None

    def fits(self, other: Facts) -> bool:
        """Return whether two lines may speak of the same save."""
        return (
            self._fits_key(other)
            and _alike(self.key_len, other.key_len)
            and _alike(self.content_size, other.content_size)
        )

    def _fits_key(self, other: Facts) -> bool:
        if self.key is None or other.key is None:
            return True
        if self.cut or other.cut:
            shorter, longer = sorted((self.key, other.key), key=len)
            return longer.startswith(shorter)
        return self.key == other.key


@dataclasses.dataclass(frozen=True, slots=True)
class Begun:
    """A call that begins."""

    function: str | None
    facts: Facts
    ids: Ids | None


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """A call that is said to have worked; `sure` where the store confirmed it."""

    function: str | None
    facts: Facts
    ids: Ids | None
    attempts: int | None
    sure: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Raised:
    """The first line of an error: the exception's class, and the store's code where it gave one."""

    kind: str
    code: str
    function: str | None
    ids: Ids | None


@dataclasses.dataclass(frozen=True, slots=True)
class More:
    """A further line of an error: what it says of the save, or the beginning of the store's answer."""

    facts: Facts
    ids: Ids | None
    attempts: int | None = None
    answer: str | None = None


Record: TypeAlias = Begun | Ended | Raised | More


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a store answered, as far as the log has it."""

    code: str | None
    status: int | None
    request_id: str | None
    host_id: str | None
    retries: int | None


def read(text: str) -> Record | None:
    """Return what a line says that begins with a tag; None where that is nothing."""
    found = TAG.match(text)
    if found is None:
        return None
    told = _IDS.search(text)
    ids = (told[1], told[2]) if told else None
    rest = text[found.end() : told.start() if told else None].strip()
    if found["tag"] == "STORAGE_ERROR":
        return _error(rest, ids)
    function, facts = _said(rest)
    if found["tag"] == "SAVE_ATTEMPT":
        return Begun(function, facts, ids)
    return Ended(function, facts, ids, _attempts(rest), found["tag"] == "SAVE_SUCCESS")


def answer(text: str) -> Answer:
    """Return what the text of an answer, as Python prints a dictionary, says."""
    code, status, request_id, host_id, retries = (
        found[1] if (found := pattern.search(text)) else None
        for pattern in (_ANSWERED_CODE, _STATUS, _REQUEST_ID, _HOST_ID, _RETRIES)
    )
    return Answer(
        code, int(status) if status else None, request_id, host_id, int(retries) if retries else None
    )


def operation_of(function: str | None) -> str:
    """Return the S3 operation that a line names; an app's own function stores an object."""
    return function if function in attributes.WRITES else "PutObject"


def _alike(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other


def _error(rest: str, ids: Ids | None) -> Record | None:
    label, colon, said = rest.partition(": ")
    if label == "Key" and colon:
        length = _LENGTH.search(said)
        key, cut = _key(said[: length.start()].rstrip() if length else said)
        key_len = int(length[1]) if length else None
        return More(Facts(key, _is_cut(key, cut, key_len), key_len), ids)
    if label == "Content size" and colon:
        size = _NUMBER.match(said.strip())
        return More(Facts(content_size=int(size[0]) if size else None), ids)
    if label == "Error response" and colon:
        return More(Facts(), ids, answer=said)
    if label.startswith("Failed [SAVE_ATTEMPT]"):
        return More(_facts(said), ids, _attempts(said))
    return _raised(rest, ids)


def _raised(rest: str, ids: Ids | None) -> Record | None:
    where = _IN_FUNCTION.search(rest)
    found = _WHAT.match(rest[: where.start()] if where else rest)
    if found is None or not _names_an_exception(found["kind"]):
        return More(Facts(), ids)
    kind, said = found["kind"].rpartition(".")[2], found["rest"] or ""
    worded, code = BOTO_ERROR.search(said[:1000]), _CODE.match(said)
    told = worded["code"] if worded else code[0] if code else kind
    return Raised(kind, told, where["function"] if where else None, ids)


def _names_an_exception(kind: str) -> bool:
    """Tell an exception's class from the label of a further line: ``Key components``, ``Request head``."""
    name = kind.rpartition(".")[2]
    return name.endswith(("Error", "Exception", "Timeout", "Exit", "Interrupt", "Failure")) or name in {
        "RemoteDisconnected", "IncompleteRead", "BadStatusLine", "gaierror", "timeout",
    }  # fmt: skip


def _said(rest: str) -> tuple[str | None, Facts]:
    if rest.startswith(("key=", "key_len=")):
        return None, _facts(rest)
    found = _FUNCTION.match(rest)
    return (found["function"], _facts(rest[found.end() :].strip())) if found else (None, Facts())


def _facts(text: str) -> Facts:
    key, cut = None, False
    if text.startswith("key="):
        # A key may hold anything; what stands behind it is ours or the app's.
        said, length, rest = text[4:].rpartition(" key_len=")
        if not length:
            said, rest = rest.partition(" content_size=")[0], rest
        key, cut = _key(said)
        text = f"key_len={rest}" if length else rest
    found, size = _KEY_LEN.search(text), _SIZE.search(text)
    key_len = int(found[1]) if found else None
    return Facts(key, _is_cut(key, cut, key_len), key_len, int(size[1]) if size else None)


def _is_cut(key: str | None, marked: bool, key_len: int | None) -> bool:
    """Return whether a key is not whole: some apps write the mark behind every key."""
    return marked and (key is None or key_len is None or len(key) < key_len)


def _key(said: str) -> tuple[str | None, bool]:
    cut = said.endswith(_CUT)
    key = said.removesuffix(_CUT[0]).removesuffix(_CUT[1]) if cut else said
    return (key, cut) if key and key != "-" else (None, False)


def _attempts(text: str) -> int | None:
    found = None
    for found in _ATTEMPTS.finditer(text):  # noqa: B007 - the last one: a key may look like it
        pass
    return int(found[1]) if found else None
