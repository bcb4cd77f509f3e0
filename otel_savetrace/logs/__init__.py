"""Logs as sources of saves: the storage lines of an app, the access logs of servers; see `reading`."""
