"""From sources to the saves that a report looks at, in bounded memory; see `load`."""
