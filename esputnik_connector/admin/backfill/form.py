"""What a merchant chooses before a historical import."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.destinations.base import ConsentPolicy, OrderRoute
from esputnik_connector.models import Backfill, Connection
from esputnik_connector.models.timezones import local_time, stored_time
from esputnik_connector.pipeline.backfill.control import FIRST_YEAR, LAST_YEAR
from esputnik_connector.pipeline.backfill.control import KINDS as HISTORY_KINDS
from esputnik_connector.records import Kind

KINDS: dict[str, Sequence[Kind]] = {
    "all": HISTORY_KINDS,
    "contacts": [Kind.CONTACT],
    "orders": [Kind.ORDER],
}
WHAT = [
    ("all", gettext_lazy("Customers, then their orders")),
    ("contacts", gettext_lazy("Customers and guests only")),
    ("orders", gettext_lazy("Orders only")),
]


def check_year(day: date) -> None:
    """:raises ValidationError: a year so far away that it is a slip of the keyboard."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise forms.ValidationError(
            _("Choose a day of a year between %(first)s and %(last)s.")
            % {"first": FIRST_YEAR, "last": LAST_YEAR}
        )


class ImportForm(forms.Form):
    """No route of orders is chosen in advance: the merchant says how they travel.

    :param routes: what there is to choose from; without any the form does not ask.
    :param policies: the same of people without consent; none once the connection has its choice.
    """

    what = forms.ChoiceField(
        label=gettext_lazy("What"), choices=WHAT, initial="all", widget=forms.RadioSelect
    )
    route = forms.ChoiceField(
        label=gettext_lazy("How orders travel"), required=False, widget=forms.RadioSelect
    )
    consent = forms.ChoiceField(
        label=gettext_lazy("People who have not said yes to messages"), widget=forms.RadioSelect
    )
    since = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        validators=[check_year],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Day of the registration or of the order. Empty: from the first."),
    )
    until = forms.DateField(
        label=gettext_lazy("To, that day included"),
        required=False,
        validators=[check_year],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Empty: up to now."),
    )
    newest_first = forms.BooleanField(label=gettext_lazy("The newest first"), required=False)

    def __init__(
        self,
        *args: Any,
        routes: Sequence[OrderRoute],
        policies: Sequence[ConsentPolicy],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if routes:
            self.fields["route"].choices = [(one.value, one.label) for one in routes]  # type: ignore[attr-defined]
        else:
            del self.fields["route"]
        if policies:
            self.fields["consent"].choices = [(one.value, one.label) for one in policies]  # type: ignore[attr-defined]
        else:
            del self.fields["consent"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = values.get("since"), values.get("until")
        if since and since > local_time(timezone.now()).date():
            self.add_error("since", _("This day is in the future; there is no history there."))
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        has_orders = Kind.ORDER in KINDS.get(values.get("what", ""), ())
        if has_orders and "route" in values and not values["route"]:
            self.add_error("route", _("Choose how orders shall travel."))
        return values

    def plans(self, connection: Connection) -> list[Backfill]:
        """The imports that would be started, not saved. For a valid form.

        ``connection`` has the choice of the form too, not saved either.
        """
        chosen = self.cleaned_data
        connection.consent_policy = chosen.get("consent") or connection.consent_policy
        until = chosen["until"] + timedelta(days=1) if chosen["until"] else None
        return [
            Backfill(
                connection=connection,
                kind=kind.value,
                newest_first=chosen["newest_first"],
                route=chosen.get("route", "") if kind is Kind.ORDER else "",
                since=_midnight(chosen["since"]),
                until=_midnight(until),
            )
            for kind in KINDS[chosen["what"]]
        ]


def _midnight(day: date | None) -> datetime | None:
    """The beginning of a day in the shop's time zone."""
    return stored_time(datetime.combine(day, time.min)) if day else None
