"""What every room needs and no business word: settings, database, jobs, events, HTTP client, pages."""

import sys

# httpx brings a command line that loads a terminal toolkit, megabytes in every process; it does without when it is not to be had.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
