"""A real HTTP server that behaves as eSputnik would: for tests, the sandbox and demonstrations.

    with FakeEsputnik() as fake:
        connection = Connection(api_url=fake.api_url, key=fake.key, ...)
        ...

A request that breaks the contract fails the test that sent it, where the block ends.

On its own: ``python -m esputnik_connector.testing.fake_esputnik --port 8090``.
"""

from .fake import BrokenContractError, FakeEsputnik
from .faults import Fault
from .oddities import HALF_EMOJI, NUL
from .settings import Settings

__all__ = ["HALF_EMOJI", "NUL", "BrokenContractError", "FakeEsputnik", "Fault", "Settings"]
