"""Public signals. ``sender`` is the :class:`~esputnik_connector.models.Connection` class.

``delivered`` and ``rejected`` are sent once per record after its row was settled, with
``connection`` (the instance), ``kind``, ``key`` and, for ``rejected``, ``reason`` and ``detail``.
``batch_settled`` is sent once per settled batch, before these, with ``connection``, ``kind``,
``keys``, ``outcomes`` (:class:`~esputnik_connector.records.Outcome` → how many records) and
``reasons`` (:class:`~esputnik_connector.records.Reason` → how many).
``connection_paused`` is sent with ``connection`` and ``detail``. ``alert`` is sent once per
problem, until it is well again, by ``esputnik_doctor --alert``, with ``code``, ``connection`` (or
``None``), ``feed``, ``text`` and ``remedy``. Receivers run in the worker; an exception in one is
logged and does no harm.
"""

from django.dispatch import Signal

__all__ = [
    "alert",
    "batch_settled",
    "connection_paused",
    "delivered",
    "rejected",
]

alert = Signal()
batch_settled = Signal()
delivered = Signal()
rejected = Signal()
connection_paused = Signal()
