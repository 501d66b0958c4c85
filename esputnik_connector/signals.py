"""Public signals. ``sender`` is the :class:`~esputnik_connector.models.Connection` class.

``delivered`` and ``rejected`` are sent once per record after its row was settled, with
``connection`` (the instance), ``kind``, ``key`` and, for ``rejected``, ``reason`` and ``detail``.
``connection_paused`` is sent with ``connection`` and ``detail``. Receivers run in the worker; an
exception in one is logged and does no harm.
"""

from django.dispatch import Signal

__all__ = [
    "connection_paused",
    "delivered",
    "rejected",
]

delivered = Signal()
rejected = Signal()
connection_paused = Signal()
