"""Payment in the sandbox shop: cash, when the parcel arrives."""

from __future__ import annotations

from typing import Any

from oscar.apps.checkout import views
from oscar.apps.payment.models import Source, SourceType
from oscar.core.prices import Price


class PaymentDetailsView(views.PaymentDetailsView):
    def handle_payment(self, _order_number: str, total: Price, **_kwargs: Any) -> None:
        cash, _ = SourceType.objects.get_or_create(
            code="cash-on-delivery", defaults={"name": "Cash on delivery"}
        )
        self.add_payment_source(
            Source(source_type=cash, currency=total.currency, amount_allocated=total.incl_tax)
        )
        self.add_payment_event("Authorised", total.incl_tax)
