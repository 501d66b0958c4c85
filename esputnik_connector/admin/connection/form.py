"""The form of a connection. The API key can be written, not read."""

from __future__ import annotations

import string
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Account
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.fields import cipher, reveal
from esputnik_connector.models import Connection, Tombstone

from .key_check import KeyCheck, check_key
from .state import is_readable, masked_key

PASTED_SPACES = string.whitespace + "\u00a0\u200b\u200c\u200d\u2060\ufeff"
KEY_RECEIVERS = frozenset({"api_url", "destination"})  # fields that decide where the key is sent


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """``key_check`` is handed in by the admin, which asks eSputnik outside of a transaction."""

    key_check: ClassVar[KeyCheck | None] = None

    new_key = forms.CharField(
        label=gettext_lazy("API key"),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )

    class Meta:
        model = Connection
        exclude: ClassVar[list[str]] = ["api_key"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "new_key" in self.fields:
            self.fields["new_key"].help_text = key_help(self.instance)
            if self.data.get(self.add_prefix("new_key")):  # shown again because of an error
                self.fields["new_key"].help_text += " " + _(
                    "The pasted key is not kept in the page."
                )
        if "destination" in self.fields:
            self._offer_destinations()

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
        self._check_lost_key()
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
            banned = Tombstone.objects.filter(connection=self.instance).count()
            if banned:
                self.add_error("new_key", _lost_salt_text(banned))

    @property
    def pasted_key(self) -> str:
        """The key that was pasted, cleaned; ``""`` when the stored one stays."""
        return str(self.cleaned_data.get("new_key") or "")

    @property
    def has_lost_salt(self) -> bool:
        """Can deleted customers no longer be recognised, because an encryption key was lost?"""
        return not is_readable(self.instance.salt)

    @property
    def needs_check(self) -> bool:
        """Was a field changed that decides whether the key is accepted?"""
        return bool(self.pasted_key or KEY_RECEIVERS & set(self.changed_data))

    def check_key(self) -> KeyCheck | None:
        """Ask the destination with the values of this (valid) form; ``None`` without a key."""
        key = self.pasted_key or reveal(self.instance.api_key)
        if not key or not self.needs_check:
            return None
        account = Account(
            name=self.cleaned_data["name"],
            api_key=key,
            api_url=self.cleaned_data["api_url"].rstrip("/"),
            tracker_url=self.cleaned_data["tracker_url"].rstrip("/"),
            rate_limit_storage=conf.RATE_LIMIT_STORAGE,
        )
        return check_key(self.cleaned_data["destination"], account)


def key_help(connection: Connection) -> str:
    """What is stored, without showing it."""
    try:
        stored = masked_key(connection)
    except ConnectorError as error:
        return _("The stored key cannot be read and must be pasted again. %(why)s") % {"why": error}
    if not stored:
        return _("A key with full access, from the API keys of your eSputnik account.")
    return _("Stored: %(key)s. Leave empty to keep it; paste another one to replace it.") % {
        "key": stored
    }


def _lost_salt_text(banned: int) -> str:
    return _(
        "The list of deleted customers is protected by the lost encryption key too: %(count)s "
        "entries can no longer be recognised, and these people could be sent to eSputnik again. "
        "Bring the old key back into ENCRYPTION_KEYS. If it is gone for good, a superuser can "
        "remove the tombstones of this connection first."
    ) % {"count": banned}
