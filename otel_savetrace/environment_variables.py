"""Environment variables that switch capture on and shape it; registered with OpenTelemetry.

`opentelemetry-instrument` turns each constant into a flag of its own: ``--savetrace_file`` sets
``OTEL_SAVETRACE_FILE``. Their defaults and how they are read: `otel_savetrace.config`.
"""

from __future__ import annotations

OTEL_SAVETRACE_ENABLED = "OTEL_SAVETRACE_ENABLED"
"""
.. envvar:: OTEL_SAVETRACE_ENABLED

``true`` (default) or ``false``: whether otel-savetrace does anything. Plain OpenTelemetry goes on either way.
"""

OTEL_SAVETRACE_FILE = "OTEL_SAVETRACE_FILE"
"""
.. envvar:: OTEL_SAVETRACE_FILE

Path of a file to which every span is appended as a line of OTLP JSON, beside the exporters configured
elsewhere; with ``OTEL_TRACES_EXPORTER=none`` instead of them. Several workers may share it. Default: no file.
"""

OTEL_SAVETRACE_KEY_PATTERN = "OTEL_SAVETRACE_KEY_PATTERN"
"""
.. envvar:: OTEL_SAVETRACE_KEY_PATTERN

How object keys are made, so that their parts become attributes:
``storymapjs/{storymap.user_id}/{storymap.id}/{storymap.file}``. A name stands for one segment, at the end
of the pattern for all the rest. Several patterns are parted by commas; the first that fits counts.
Default: none.
"""

OTEL_SAVETRACE_REQUEST_ATTRIBUTES = "OTEL_SAVETRACE_REQUEST_ATTRIBUTES"
"""
.. envvar:: OTEL_SAVETRACE_REQUEST_ATTRIBUTES

Attributes taken from the request, for a save that dies before it reaches storage:
``storymap.id=form:id,storymap.user_id=session:uid``. Sources: ``form``, ``args``, ``view``, ``json``,
``header``, ``session``. Nothing is read or parsed that the app itself has not. Default: none.
"""

OTEL_SAVETRACE_SAVE_ROUTES = "OTEL_SAVETRACE_SAVE_ROUTES"
"""
.. envvar:: OTEL_SAVETRACE_SAVE_ROUTES

Routes whose requests are saves even where they never reach storage: ``POST /storymap/save/,/publish/<id>``.
Routes that were seen to write are learned by themselves, by each worker for itself. Default: none.
"""

OTEL_SAVETRACE_PROPAGATE = "OTEL_SAVETRACE_PROPAGATE"
"""
.. envvar:: OTEL_SAVETRACE_PROPAGATE

``on`` or ``off`` (default): whether OpenTelemetry's ``X-Amzn-Trace-Id`` goes to S3. S3 does not read it, and
its 93 bytes count against the limit of 8,192 on a request's header section.
"""

OTEL_SAVETRACE_LOGIN_ROUTES = "OTEL_SAVETRACE_LOGIN_ROUTES"
"""
.. envvar:: OTEL_SAVETRACE_LOGIN_ROUTES

Paths whose redirect means that the user was not logged in: ``/select/,/login``. A save that is redirected
to one has failed. Where none is named, a save that is redirected without having written anything
counts as such, unless saves of its route that did write are redirected to the same place. Default: none.
"""

OTEL_SAVETRACE_KEYS = "OTEL_SAVETRACE_KEYS"
"""
.. envvar:: OTEL_SAVETRACE_KEYS

``plain`` (default), ``hash`` or ``none``: whether object keys and their parts stand in traces as they are, as
hashes that are equal where the keys are (they can be searched for, and short ones be guessed), or not at all.
Exceptions' texts and addresses recorded by other instrumentations of the same save are held to it, too.
"""

OTEL_SAVETRACE_LOG = "OTEL_SAVETRACE_LOG"
"""
.. envvar:: OTEL_SAVETRACE_LOG

``on`` or ``off`` (default): whether each storage call that stores an object is also logged, as lines that
begin with ``[SAVE_ATTEMPT]``, ``[SAVE_SUCCESS]``, ``[SAVE_UNKNOWN]`` or ``[STORAGE_ERROR]`` and carry the
trace id, on Python's logger ``otel_savetrace.storage``. The app's own lines stay as they are.
"""

OTEL_SAVETRACE_COOKIE = "OTEL_SAVETRACE_COOKIE"
"""
.. envvar:: OTEL_SAVETRACE_COOKIE

``on`` (default) or ``off``: whether the answer to a failed save carries a short signed cookie by which its
retry is known, through any worker and host. It holds ids and hashes, no key and no name; it stands on no
answer that a shared cache may keep, and a save that works removes it.
"""

OTEL_SAVETRACE_COOKIE_SECRET = "OTEL_SAVETRACE_COOKIE_SECRET"  # noqa: S105 - a variable's name, no secret
"""
.. envvar:: OTEL_SAVETRACE_COOKIE_SECRET

What the cookie is signed with; the same for all workers and hosts that serve one app. Default: the app's own
``SECRET_KEY``; where there is none either, no cookie is set.
"""

OTEL_SAVETRACE_COOKIE_SECONDS = "OTEL_SAVETRACE_COOKIE_SECONDS"
"""
.. envvar:: OTEL_SAVETRACE_COOKIE_SECONDS

How long after a failed save another save of the same thing is its retry, in seconds. Default: ``1800``.
"""

OTEL_SAVETRACE_IN_FLIGHT = "OTEL_SAVETRACE_IN_FLIGHT"
"""
.. envvar:: OTEL_SAVETRACE_IN_FLIGHT

Folder in which each process keeps a record of its saves in flight, so that another one can tell of them when
it is killed outright; or ``off``. It must be on a local disk or in memory, and is made for this user alone.
Default: ``otel-savetrace`` in ``XDG_RUNTIME_DIR``, else ``/dev/shm/otel-savetrace-UID``, else one like it
where temporary files are.
"""

OTEL_SAVETRACE_BROWSER = "OTEL_SAVETRACE_BROWSER"
"""
.. envvar:: OTEL_SAVETRACE_BROWSER

``on`` or ``off`` (default): whether the app's HTML pages get a ``<script>`` tag, by which the browser tells
what became of saves there: those that never arrived, whose answer never came, that the page gave up. It needs
``OTEL_SAVETRACE_BROWSER_PATH`` or ``OTEL_SAVETRACE_BROWSER_ENDPOINT`` (docs/browser.md).
"""

OTEL_SAVETRACE_BROWSER_PATH = "OTEL_SAVETRACE_BROWSER_PATH"
"""
.. envvar:: OTEL_SAVETRACE_BROWSER_PATH

A path of the app's own site, such as ``/telemetry/browser``, at which what browsers tell is taken (POST, of
the same origin, at most 64 KiB, rate-limited, held to the registry of attributes) and handed to the app's
exporter. A route of the app goes before it. Default: nothing is taken.
"""

OTEL_SAVETRACE_BROWSER_ENDPOINT = "OTEL_SAVETRACE_BROWSER_ENDPOINT"
"""
.. envvar:: OTEL_SAVETRACE_BROWSER_ENDPOINT

Where browsers send instead of to ``OTEL_SAVETRACE_BROWSER_PATH``: a Collector that browsers can reach
(``https://collector.example.org:4319``, to which ``/v1/traces`` is added), or a path of the same site that
leads to one. Default: ``OTEL_SAVETRACE_BROWSER_PATH``.
"""

OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR = "OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR"
"""
.. envvar:: OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR

CSS selector of the element in which the app shows a user that something failed: ``#error .message``. Default:
none, and what a user was shown is not told.
"""

OTEL_SAVETRACE_BROWSER_TEXT = "OTEL_SAVETRACE_BROWSER_TEXT"
"""
.. envvar:: OTEL_SAVETRACE_BROWSER_TEXT

``on`` (default) or ``off``: whether texts that a user was shown leave the browser. Off wherever
``OTEL_SAVETRACE_KEYS`` is not ``plain``, since such a text may hold a key.
"""
