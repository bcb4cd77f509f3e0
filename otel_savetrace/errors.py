"""Errors that people and scripts meet.

::

    SaveTraceError              anything this package raises on purpose
    ├── SettingError            an OTEL_SAVETRACE_* value that cannot be used
    ├── SourceError             a file, folder or Jaeger address that cannot be read
    ├── TraceNotFoundError      a trace or save that the source does not hold
    └── RealPartError           a real server (Jaeger, Collector, S3) that is missing or did not start

In the app none of them is ever raised: a bad setting warns once and falls back. At the command line each
is one sentence and exit code 2, 3 for a `SourceError`.
"""

from __future__ import annotations


class SaveTraceError(Exception):
    """Base of every error this package raises on purpose; its text is one sentence for a person."""


class SettingError(SaveTraceError):
    """A setting's value cannot be used; the text names the variable, the value and what is expected."""


class SourceError(SaveTraceError):
    """A source of spans cannot be read; the text names the source and what to do."""


class TraceNotFoundError(SaveTraceError):
    """A trace or a save is not in the source; the text names both."""


class RealPartError(SaveTraceError):
    """A real server is missing or did not start; the text says which, where its log is, what to install."""
