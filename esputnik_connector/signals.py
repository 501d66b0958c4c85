"""Public signals. ``sender`` is the :class:`~esputnik_connector.models.Connection` class.

``delivered`` and ``rejected`` are sent once per record after its row was settled, with
``connection`` (the instance), ``kind``, ``key`` and, for ``rejected``, ``reason`` and ``detail``.
``batch_settled`` is sent once per settled batch, before these, with ``connection``, ``kind``,
``keys``, ``outcomes`` (:class:`~esputnik_connector.records.Outcome` → how many records) and
``reasons`` (:class:`~esputnik_connector.records.Reason` → how many).
``connection_paused`` is sent with ``connection`` and ``detail``. ``alert`` is sent once per
problem, until it is well again, by whoever found it: a worker, ``esputnik_doctor --alert``, the
health address, a page of the admin. It has ``code``, ``connection`` (or ``None``), ``feed``,
``text`` and ``remedy``; ``alert_ended`` follows when the problem is gone, with ``code``,
``connection``, ``feed`` and ``raised_at``. An exception in a receiver is logged and does no harm.
"""

from django.dispatch import Signal

__all__ = [
    "alert",
    "alert_ended",
    "batch_settled",
    "connection_paused",
    "delivered",
    "rejected",
]

alert = Signal()
alert_ended = Signal()
batch_settled = Signal()
delivered = Signal()
rejected = Signal()
connection_paused = Signal()
