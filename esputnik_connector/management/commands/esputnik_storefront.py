"""The storefront of a connection from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.management.base import ReportingCommand
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import StepName
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.storefront.connect import (
    StorefrontChoices,
    accept_rivals,
    can_have_storefront,
    connect,
    disconnect,
    storefront_of,
)
from esputnik_connector.operations.storefront.report import StepReport, is_in_order, report_of
from esputnik_connector.operations.storefront.run import work


class Command(ReportingCommand):
    help = (
        "The shop's domain at eSputnik, the script of its pages and web push: connect them, look "
        "how far they are, fetch again what the account has, or leave. Each step may be tried "
        "again. Ends with 1 when a step that is wanted is not done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["connect", "status", "refresh", "disconnect"])
        parser.add_argument("--connection", help=_("name of the connection, if there are several"))
        parser.add_argument("--domain", help=_("host of the shop; SHOP_URL's if left out"))
        parser.add_argument("--site-id", help=_("the siteId, where eSputnik does not tell it"))
        for name, what in (("tracking", _("track visitors")), ("push", _("web push"))):
            switch = parser.add_mutually_exclusive_group()
            switch.add_argument(f"--{name}", action="store_true", default=None, help=what)
            switch.add_argument(f"--no-{name}", action="store_false", dest=name)
        parser.add_argument("--worker", help=_("path of the service worker on the domain"))
        parser.add_argument("--scope", help=_("pages that it may govern; its folder if left out"))
        parser.add_argument(
            "--accept-rivals",
            action="store_true",
            help=_("the other providers of web push that were found stay beside ours"),
        )
        parser.add_argument("--step", action="append", choices=list(StepName.values), default=[])

    def handle(self, *_args: Any, **options: Any) -> None:
        connection = _chosen(options["connection"])
        try:
            storefront = self._acted(connection, options)
        except BadRequestError as error:
            raise CommandError(str(error)) from None
        self._report(storefront)
        if not is_in_order(storefront):
            raise SystemExit(1)

    def _acted(self, connection: Connection, options: dict[str, Any]) -> Storefront:
        action = options["action"]
        if action == "connect":
            storefront = connect(connection, _choices(options))
            if options["accept_rivals"]:
                accept_rivals(storefront)
            self._work(storefront, ())
            return storefront
        found = storefront_of(connection)
        if found is None:
            raise CommandError(
                _("Connection “%(name)s” has no storefront. To make one, run: %(command)s")
                % {"name": connection.name, "command": "manage.py esputnik_storefront connect"}
            )
        if action == "status":
            self._look(found)
        elif action == "refresh":
            self._work(found, options["step"])
        elif action == "disconnect":
            disconnect(found)
            self._work(found, ())
        return found

    def _look(self, storefront: Storefront) -> None:
        """At the service worker; what is known is shown also where nothing may be asked."""
        if not (storefront.is_connected and storefront.is_push):
            return
        try:
            self._work(storefront, [StepName.WORKER.value])
        except BadRequestError as error:
            self.stderr.write(str(error))

    def _work(self, storefront: Storefront, steps: Any) -> None:
        if not work(storefront, only=steps):
            self.stderr.write(_("Another worker is at it; this is how far it is:"))
        storefront.refresh_from_db()

    def _report(self, storefront: Storefront) -> None:
        state = _("connected") if storefront.is_connected else _("disconnected")
        site_id = storefront.site_id or _("unknown")
        self.stdout.write(f"{storefront.connection.name}: {storefront.domain}, {state}")
        self.stdout.write(_("siteId: %s") % site_id)
        if storefront.is_connected:
            when = storefront.refreshed_at
            shown = f"{local_time(when):%Y-%m-%d %H:%M}" if when else _("never")
            self.stdout.write(_("last refreshed: %s") % shown)
        for step in report_of(storefront):
            self._step(step)

    def _step(self, step: StepReport) -> None:
        code = f" ({step.code})" if step.code else ""
        self.stdout.write(f"  {step.name.label}: {step.state.label}{code}")
        for text in (step.detail, step.remedy):
            if text:
                self.stdout.write(f"      {text}")


def _chosen(name: str | None) -> Connection:
    """The one that is named, or the only one whose destination has storefronts.

    :raises CommandError: there is none, or there are several.
    """
    rows = Connection.objects.filter(name=name) if name else Connection.objects.all()
    found = [one for one in rows if name or can_have_storefront(one)]
    if len(found) != 1:
        known = ", ".join(one.name for one in Connection.objects.all()) or "–"
        raise CommandError(_("Say which connection with --connection; there are: %s") % known)
    return found[0]


def _choices(options: dict[str, Any]) -> StorefrontChoices:
    return StorefrontChoices(
        domain=options["domain"],
        site_id=options["site_id"],
        is_tracking=options["tracking"],
        is_push=options["push"],
        worker=options["worker"],
        scope=options["scope"],
    )
