"""Seeds of runs that have found faults of the system, each mended since."""

FOUND: dict[str, list[str]] = {}
