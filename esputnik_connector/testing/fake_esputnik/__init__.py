"""A real HTTP server that behaves as eSputnik would: for tests, the sandbox and demonstrations.

    with FakeEsputnik() as fake:
        connection = Connection(api_url=fake.api_url, key=fake.key, ...)
        ...
        assert fake.violations == []

On its own: ``python -m esputnik_connector.testing.fake_esputnik --port 8090``.
"""

from .fake import FakeEsputnik
from .faults import Fault
from .settings import Settings

__all__ = ["FakeEsputnik", "Fault", "Settings"]
