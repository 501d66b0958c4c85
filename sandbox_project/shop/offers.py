"""What the sandbox shop gives away: a voucher of ten per cent and a little off all books."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from oscar.core.loading import get_model

Category = get_model("catalogue", "Category")
Benefit = get_model("offer", "Benefit")
Condition = get_model("offer", "Condition")
ConditionalOffer = get_model("offer", "ConditionalOffer")
Range = get_model("offer", "Range")
Voucher = get_model("voucher", "Voucher")

VOUCHER_CODE = "WELCOME10"


def announce_offers() -> None:
    everything, _ = Range.objects.get_or_create(
        name="Everything", defaults={"includes_all_products": True}
    )
    books, _ = Range.objects.get_or_create(name="Books")
    books.included_categories.add(Category.objects.get(depth=1, name="Books"))
    if not ConditionalOffer.objects.filter(name="Book month").exists():
        _offer("Book month", books, per_cent=5, offer_type=ConditionalOffer.SITE)
    if not Voucher.objects.filter(code=VOUCHER_CODE).exists():
        now = timezone.now()
        voucher = Voucher.objects.create(
            name="Welcome",
            code=VOUCHER_CODE,
            usage=Voucher.MULTI_USE,
            start_datetime=now - timedelta(days=1),
            end_datetime=now + timedelta(days=3650),
        )
        voucher.offers.add(
            _offer("Welcome", everything, per_cent=10, offer_type=ConditionalOffer.VOUCHER)
        )


def _offer(name: str, products: Range, *, per_cent: int, offer_type: str) -> ConditionalOffer:
    return ConditionalOffer.objects.create(
        name=name,
        offer_type=offer_type,
        condition=Condition.objects.create(range=products, type=Condition.COUNT, value=1),
        benefit=Benefit.objects.create(range=products, type=Benefit.PERCENTAGE, value=per_cent),
    )
