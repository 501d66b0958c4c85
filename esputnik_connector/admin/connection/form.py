"""The form of a connection. The API key can be written, not read."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import offer_choice
from esputnik_connector.admin.settings.version import conflict_text
from esputnik_connector.conf import conf
from esputnik_connector.destinations.addresses import origin
from esputnik_connector.destinations.base import Account, Destination
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.fields import cipher, reveal
from esputnik_connector.models import Connection, Salt, Tombstone
from esputnik_connector.operations.connection.statuses import choices

from .backend import backend_of
from .key_check import KeyCheck, check_key
from .state import is_readable, masked_key

PASTED_SPACES = string.whitespace + "\u00a0\u200b\u200c\u200d\u2060\ufeff"
KEY_RECEIVERS = frozenset({"api_url", "destination"})  # fields that decide where the key is sent


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """``key_check`` is handed in by the admin, which asks the destination before a transaction."""

    key_check: ClassVar[KeyCheck | None] = None
    changed_meanwhile: ClassVar[Sequence[str]] = ()  # by somebody else, since the page was shown

    new_key = forms.CharField(
        label=gettext_lazy("API key"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )

    class Meta:
        model = Connection
        exclude: ClassVar[list[str]] = ["api_key"]
        help_texts: ClassVar[dict[str, Any]] = {
            "default_status": gettext_lazy("For an order status without a row on “Statuses”.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "destination" in self.fields:
            self._offer_destinations()
        backend = backend_of(self._chosen_destination())
        if backend:
            self._offer_choices(backend)
        if "new_key" in self.fields:
            self.fields["new_key"].help_text = key_help(self.instance, backend)
            if self.data.get(self.add_prefix("new_key")):  # shown again because of an error
                self.fields["new_key"].help_text += " " + _(
                    "The pasted key is not kept in the page."
                )

    def _chosen_destination(self) -> str:
        posted = self.data.get(self.add_prefix("destination"))
        return str(posted or self.initial.get("destination") or self.instance.destination)

    def _offer_choices(self, backend: type[Destination]) -> None:
        """What the chosen destination has to choose from, and its own addresses."""
        self._offer("default_status", choices(backend), backend.default_status or "")
        for name, rows in (
            ("order_route", backend.order_routes),
            ("erase_mode", backend.erase_modes),
        ):
            self._offer(name, [(row.value, row.label) for row in rows], registry.default_of(rows))
            if not rows and name in self.fields:
                self.fields[name].disabled = True
        if "delete_orders" in self.fields:
            self.fields["delete_orders"].disabled = not backend.supports_order_deletion
        self._ask_consent(backend)
        for name in ("api_url", "tracker_url"):
            self._show_default(name, getattr(backend, f"default_{name}"))
        if "api_url" in self.fields:
            self.fields["api_url"].required = not backend.default_api_url

    def _offer(self, name: str, rows: Sequence[tuple[str, Any]], default: str) -> None:
        if rows:
            offer_choice(self, name, lambda: rows, empty="")
        if rows and not self.initial.get(name):
            self.initial[name] = default

    def _ask_consent(self, backend: type[Destination]) -> None:
        """Nothing is chosen in advance: the merchant says what happens to people without a yes."""
        name, rows = "consent_policy", backend.consent_policies
        if name not in self.fields:
            return
        if not rows:
            del self.fields[name]
            return
        choices = [(row.value, row.label) for row in rows]
        offer_choice(self, name, lambda: choices, empty=_("Choose…"))
        self.fields[name].required = True
        self.fields[name].help_text = _(
            "%(destination)s counts an address that simply arrives as one that may be mailed. The "
            "choice holds for imports and for every later change, of customers and of guests."
        ) % {"destination": backend.label}

    def _show_default(self, name: str, default: str) -> None:
        """An empty address is the destination's own, also after another one was chosen."""
        if default and name in self.fields:
            self.fields[name].widget.attrs["placeholder"] = default
            self.fields[name].help_text = _("Empty: %(address)s") % {"address": default}

    def _offer_destinations(self) -> None:
        names = list(conf.DESTINATIONS)
        if self.instance.pk is None and self.instance.destination not in names and names:
            self.initial["destination"] = names[0]
        elif self.instance.pk is not None and self.instance.destination not in names:
            names.append(self.instance.destination)
        field = self.fields["destination"]
        self.fields["destination"] = forms.ChoiceField(
            label=field.label,
            choices=[(name, name) for name in names],
            help_text=_("From ESPUTNIK_CONNECTOR['DESTINATIONS'] in the settings."),
        )

    def clean_new_key(self) -> str:
        return str(self.cleaned_data["new_key"]).strip(PASTED_SPACES)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            cipher()
        except ConfigurationError as error:
            if self.pasted_key or self.instance.pk is None:
                self.add_error("new_key", str(error))
        if self.changed_meanwhile:
            self.add_error(None, conflict_text(list(self.changed_meanwhile)))
        self._check_lost_key()
        self._check_receiver()
        if self.key_check is not None and self.key_check.error:
            field = self.key_check.field
            self.add_error(field if field in self.fields else None, self.key_check.error)
        return cleaned

    def _check_lost_key(self) -> None:
        """Refuse what a lost encryption key would make worse."""
        if self.instance.pk is None:
            return
        is_lost = not is_readable(self.instance.api_key)
        if is_lost and not self.pasted_key and KEY_RECEIVERS & set(self.changed_data):
            self.add_error("new_key", _("The stored key cannot be read. Paste it again."))
        if self.pasted_key and self.has_lost_salt:
            banned = Tombstone.objects.count()
            if banned:
                self.add_error("new_key", _lost_salt_text(banned))

    def _check_receiver(self) -> None:
        """Whoever may change the address must not get to read the key by it."""
        stored = self.instance
        if not stored.api_key or self.pasted_key or self.has_error("api_url"):
            return
        former = {"destination": stored.destination, "api_url": stored.api_url}
        chosen = {name: self.cleaned_data.get(name, value) for name, value in former.items()}
        is_same_host = origin(_address(former)) == origin(_address(chosen))
        if former["destination"] != chosen["destination"] or not is_same_host:
            self.add_error(
                "new_key",
                _("Paste the key again: the stored one is not sent to another address."),
            )

    @property
    def pasted_key(self) -> str:
        """The key that was pasted, cleaned; ``""`` when the stored one stays."""
        return str(self.cleaned_data.get("new_key") or "")

    @property
    def has_lost_salt(self) -> bool:
        """Can deleted customers no longer be recognised, because an encryption key was lost?"""
        salts = Salt.objects.order_by("pk")
        return not (is_readable(self.instance.salt) and all(one.is_readable for one in salts))

    @property
    def needs_check(self) -> bool:
        """Was a field changed that decides whether the key is accepted?"""
        return bool(self.pasted_key or KEY_RECEIVERS & set(self.changed_data))

    def check_key(self) -> KeyCheck | None:
        """Ask the destination with the values of this (valid) form; ``None`` without a key."""
        key = self.pasted_key or reveal(self.instance.api_key)
        if not key or not self.needs_check:
            return None
        destination = self.cleaned_data["destination"]
        account = Account(
            name=self.cleaned_data["name"],
            api_key=key,
            api_url=_address(self.cleaned_data).rstrip("/"),
            tracker_url=self.cleaned_data["tracker_url"].rstrip("/"),
            rate_limit_storage=conf.RATE_LIMIT_STORAGE,
        )
        return check_key(destination, account)


def _address(values: Mapping[str, Any]) -> str:
    """Where the API is, by the values of a form."""
    backend = backend_of(values["destination"])
    return str(values["api_url"] or (backend.default_api_url if backend else ""))


def key_help(connection: Connection, backend: type[Destination] | None) -> str:
    """What is stored, without showing it; where a key comes from when there is none."""
    try:
        stored = masked_key(connection)
    except ConnectorError as error:
        return _("The stored key cannot be read and must be pasted again. %(why)s") % {"why": error}
    if not stored:
        return str(backend.key_help) if backend else ""
    return _("Stored: %(key)s. Leave empty to keep it; paste another one to replace it.") % {
        "key": stored
    }


def _lost_salt_text(banned: int) -> str:
    return _(
        "The list of deleted customers is protected by the lost encryption key too: %(count)s "
        "entries can no longer be recognised, and these people could be sent again. "
        "Bring the old key back into ENCRYPTION_KEYS. If it is gone for good, a superuser can "
        "remove the tombstones first."
    ) % {"count": banned}
