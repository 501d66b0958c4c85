"""Fill an empty sandbox shop. Running it again changes nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from oscar.core.loading import get_model

from sandbox_project.shop.feeds import announce_feeds
from sandbox_project.shop.goods import catalogue
from sandbox_project.shop.offers import announce_offers
from sandbox_project.shop.pictures import missing_picture
from sandbox_project.shop.stock import fill_shelves

COUNTRIES = (
    ("UA", "UKR", "804", "Україна", "Ukraine"),
    ("PL", "POL", "616", "Polska", "Republic of Poland"),
    ("GB", "GBR", "826", "United Kingdom", "United Kingdom of Great Britain"),
)


class Command(BaseCommand):
    help = "Fill the sandbox shop: catalogue, prices, countries, offers and a staff account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--staff-email", default="admin@example.com")
        parser.add_argument(
            "--staff-password", default="", help="Required without DEBUG; else “sandbox”."
        )

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        password = options["staff_password"] or ("sandbox" if settings.DEBUG else "")
        if not password:
            raise CommandError("Give --staff-password: a shop without DEBUG has no default one.")
        name_site()
        open_countries()
        fill_shelves(list(catalogue()))
        announce_offers()
        announce_feeds()
        hire_staff(options["staff_email"], password)
        product_count = get_model("catalogue", "Product").objects.count()
        self.stdout.write(f"The shop has {product_count} products.")


def name_site() -> None:
    host = urlsplit(settings.SHOP_URL).netloc
    Site.objects.update_or_create(
        pk=settings.SITE_ID, defaults={"domain": host, "name": settings.OSCAR_SHOP_NAME}
    )


def open_countries() -> None:
    Country = get_model("address", "Country")
    for order, (alpha2, alpha3, number, name, full_name) in enumerate(COUNTRIES):
        Country.objects.get_or_create(
            iso_3166_1_a2=alpha2,
            defaults={
                "iso_3166_1_a3": alpha3,
                "iso_3166_1_numeric": number,
                "printable_name": name,
                "name": full_name,
                "display_order": len(COUNTRIES) - order,
                "is_shipping_country": True,
            },
        )
    if not default_storage.exists(settings.OSCAR_MISSING_IMAGE_URL):
        default_storage.save(settings.OSCAR_MISSING_IMAGE_URL, ContentFile(missing_picture()))


def hire_staff(email: str, password: str) -> None:
    users = get_user_model().objects
    if not users.filter(email=email).exists():
        users.create_superuser("admin", email, password)
