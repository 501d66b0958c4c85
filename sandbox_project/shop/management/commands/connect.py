"""Connect the sandbox shop to an eSputnik account: as a merchant does in the admin, in one line."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from esputnik_connector.exceptions import DestinationError
from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.statuses import add_proposed
from esputnik_connector.operations.connection.verify import verify
from sandbox_project.shop.storefront import open_storefront


class Command(BaseCommand):
    help = "Create or update a connection, map the shop's order statuses and check the key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="main")
        parser.add_argument("--api-url", required=True)
        parser.add_argument("--tracker-url", default="")
        parser.add_argument("--key", required=True)
        parser.add_argument("--site", action="store_true", help="track visitors of the shop, too")
        parser.add_argument("--consent", default="confirmed", help="for people without a yes")

    def handle(self, *_args: Any, **options: Any) -> None:
        addresses = {
            "api_url": options["api_url"],
            "api_key": options["key"],
            "consent_policy": options["consent"],
        }
        if options["tracker_url"]:
            addresses["tracker_url"] = options["tracker_url"]
        connection, _ = Connection.objects.update_or_create(
            name=options["name"], defaults=addresses
        )
        add_proposed(connection, settings.OSCAR_ORDER_STATUS_PIPELINE)
        try:
            account = verify(connection)
        except DestinationError as error:
            raise CommandError(f"The key was not accepted: {error}") from error
        self.stdout.write(f"Connected to {account.organisation}.")
        if options.get("site"):
            self.stdout.write(f"Its site is {open_storefront(connection)}.")
