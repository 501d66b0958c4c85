"""The screen where a merchant connects the shop: key, switches, tables, and how it is going."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.admin import pages
from esputnik_connector.admin.mixins import TitledListMixin, WriteOnlyFieldMixin
from esputnik_connector.admin.overview.verdict import shown
from esputnik_connector.admin.settings import version
from esputnik_connector.admin.settings.statuses import kept_text
from esputnik_connector.conf import conf
from esputnik_connector.event_types import event_types
from esputnik_connector.models import Connection, Salt
from esputnik_connector.operations.connection import statuses
from esputnik_connector.operations.connection.account import keep_fields
from esputnik_connector.operations.connection.verify import accept
from esputnik_connector.operations.health.backlog import count_text
from esputnik_connector.pipeline.wake import wake

from .backend import backend_of
from .consent import consent_of
from .deletion import CountedDeletion
from .form import ConnectionForm
from .key_check import KeyCheck
from .pause import PauseViews
from .snapshot import take_all
from .tables import tables_of
from .views import ConnectionViews

KEY_CHECK = "_esputnik_key_check"  # attribute of a request: the answer to check_key()


@admin.register(Connection)
class ConnectionAdmin(
    TitledListMixin,
    WriteOnlyFieldMixin,
    CountedDeletion,
    PauseViews,
    ConnectionViews,
    admin.ModelAdmin,  # type: ignore[type-arg]
):
    write_only = "new_key"

    def __init__(self, model: type[Connection], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        pages.attach(admin_site)

    form = ConnectionForm
    readonly_fields = ["environment", "created_at"]
    fieldsets = [
        (gettext_lazy("Account"), {"fields": ["name", "new_key"]}),
        (
            gettext_lazy("What to send"),
            {
                "fields": [
                    "sync_contacts",
                    "sync_orders",
                    "sync_carts",
                    "consent_policy",
                    "default_status",
                ],
            },
        ),
        (
            gettext_lazy("Advanced"),
            {
                "classes": ["collapse"],
                "fields": [
                    "destination",
                    "api_url",
                    "tracker_url",
                    "order_route",
                    "erase_mode",
                    "delete_orders",
                    *readonly_fields,
                ],
            },
        ),
    ]

    def get_fieldsets(
        self, request: HttpRequest, obj: Connection | None = None
    ) -> list[tuple[Any, Any]]:
        """With the switch of each event type, whoever declared it, and with the question about
        consent where the destination makes a difference."""
        account, sent, *others = super().get_fieldsets(request, obj)
        title, options = sent
        switches = [each.switch for each in event_types() if each.switch]
        backend = backend_of(self._destination_of(request, obj))
        left_out = set() if backend and backend.consent_policies else {"consent_policy"}
        kept = [name for name in options["fields"] if name not in left_out]
        fields = [*kept, *dict.fromkeys(switches)]
        return [account, (title, {**options, "fields": fields}), *others]

    def _destination_of(self, request: HttpRequest, connection: Connection | None) -> str:
        """What the page is about: what is posted, stored, or proposed first."""
        posted = request.POST.get("destination")
        if posted or connection is not None:
            return str(posted or getattr(connection, "destination", ""))
        names = list(conf.DESTINATIONS)
        usual = Connection._meta.get_field("destination").get_default()
        return usual if usual in names or not names else names[0]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Its name, and how it is doing, by one look for the whole list."""
        seen = cache(lambda: take_all(list(Connection.objects.order_by("pk"))))

        @admin.display(description=gettext_lazy("state"))
        def state(connection: Connection) -> str:
            return seen().judgement_of(connection).sentence

        @admin.display(description=gettext_lazy("unsent"))
        def pending(connection: Connection) -> str:
            return count_text(seen().waiting_of(connection).unsent)

        @admin.display(description=gettext_lazy("set aside"))
        def set_aside(connection: Connection) -> str:
            return count_text(seen().waiting_of(connection).dead)

        @admin.display(description=gettext_lazy("last delivery"), empty_value="—")
        def last_delivery(connection: Connection) -> Any:
            return seen().taken_at.get(connection.pk)

        return ["name", state, pending, set_aside, last_delivery]

    # --- the form ---------------------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kw: Any
    ) -> Any:
        form_class: Any = super().get_form(request, obj, change, **kw)
        form_class.key_check = getattr(request, KEY_CHECK, None)
        form_class.changed_meanwhile = version.changed_meanwhile(request, obj)
        return form_class

    @method_decorator(transaction.non_atomic_requests)
    def add_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        return super().add_view(request, *args, **kw)

    @method_decorator(transaction.non_atomic_requests)
    def change_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        return super().change_view(request, *args, **kw)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Ask the destination before Django's view opens its transaction."""
        connection = self.get_object(request, object_id) if object_id else None
        if request.method == "POST":
            setattr(request, KEY_CHECK, self._key_check(request, connection, object_id is None))
        context = {**self._panel(request, connection), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def _key_check(
        self, request: HttpRequest, connection: Connection | None, is_new: bool
    ) -> KeyCheck | None:
        if is_new:
            may_save = self.has_add_permission(request)
        else:
            may_save = connection is not None and self.has_change_permission(request, connection)
        if not may_save:
            return None
        form = self.get_form(request, connection, change=not is_new)(
            request.POST, instance=connection
        )
        return form.check_key() if form.is_valid() and form.needs_check else None

    def _panel(self, request: HttpRequest, connection: Any) -> dict[str, Any]:
        """How the connection is doing, for the top of its page."""
        panel: dict[str, Any] = {"esputnik_connection": connection}
        if connection is not None:
            # After an error its fields are still of the version before.
            shown_version = request.POST.get(version.NAME) or version.version_of(connection)
            panel |= {"esputnik_version_name": version.NAME, "esputnik_version": shown_version}
            seen = take_all([connection])
            waiting = seen.waiting_of(connection)
            panel |= {
                "esputnik_verdict": shown(seen.judgement_of(connection), request),
                "esputnik_unsent": count_text(waiting.unsent),
                "esputnik_set_aside": count_text(waiting.dead),
                "esputnik_taken_at": seen.taken_at.get(connection.pk),
                "esputnik_consent": consent_of(connection),
                "esputnik_may_change": self.has_change_permission(request, connection),
                "esputnik_tables": tables_of(connection, request),
            }
        return panel

    # --- saving -----------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        check: KeyCheck | None = form.key_check
        form.former_words = statuses.words(obj) if change else {}
        written = [name for name in form.changed_data if name != "new_key"]
        if form.pasted_key:
            obj.api_key = form.pasted_key
            written.append("api_key")
            if change and form.has_lost_salt:
                obj.salt = Salt.objects.renew()
                written.append("salt")
        if form.needs_check:
            obj.verified_at, obj.organisation = None, ""
            written += ["verified_at", "organisation", *obj.forget_pause()]
        # Only what the form changed: a relay may be pausing the connection at this moment.
        obj.save(update_fields=written if change else None)
        if check is not None and check.info is not None:
            former_id = obj.organisation_id
            accept(obj, check.info)
            keep_fields(obj, check.fields)
            self.announce(request, obj, former_id)
        elif check is not None:
            messages.warning(request, _("Saved. %(doubt)s") % {"doubt": check.doubt})
        wake(obj.pk)

    def announce(self, request: HttpRequest, connection: Connection, former_id: str) -> None:
        """Name the organisation of the accepted key, and say if it is another one than before."""
        messages.success(
            request,
            _("Connected to %(organisation)s.") % {"organisation": connection.organisation or "—"},
        )
        if former_id and former_id != connection.organisation_id:
            messages.warning(
                request,
                _(
                    "This is another organisation than before. What the former one received does "
                    "not count here: records are sent again when they next change. Customers are "
                    "also sent by the next nightly reconciliation, orders by a historical import."
                ),
            )

    def save_related(self, request: HttpRequest, form: Form, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        connection = form.instance  # type: ignore[attr-defined]
        changed = statuses.remember(connection, form.former_words)  # type: ignore[attr-defined]
        if not change:
            self.propose(request, connection)
        if changed:
            messages.info(request, kept_text(changed))

    def propose(self, request: HttpRequest, connection: Connection) -> None:
        """Add the proposed status mappings."""
        added = statuses.add_proposed(connection, statuses.of_shop())
        if added:
            pairs = ", ".join(str(mapping) for mapping in added)
            messages.info(
                request,
                _("Proposed order statuses were added, please check them: %(pairs)s.")
                % {"pairs": pairs},
            )
