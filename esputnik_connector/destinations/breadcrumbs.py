"""Keep personal addresses out of what Sentry remembers of requests.

Its SDK notes the query of every request as a breadcrumb and in a span, and a query may hold the
e-mail that is looked for. Nothing is imported here: a project without Sentry has none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def unnoted(url: str) -> Iterator[None]:
    """Within, a request to this address leaves no trace in Sentry, if its query may hold one."""
    sentry = sys.modules.get("sentry_sdk")
    if sentry is None or not urlsplit(url).query:
        yield
        return
    with sentry.isolation_scope(), sentry.new_scope() as scope:
        scope.span = None
        yield
