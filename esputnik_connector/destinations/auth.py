"""How a request proves whose it is: a choice of the destination, handed to its HttpClient."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from esputnik_connector.exceptions import CredentialsError
from esputnik_connector.explanations import gettext as _


class Authentication(Protocol):
    """What a request carries so that the platform knows the account.

    Write a class of your own where a platform wants something else, such as a signature.
    """

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for every request. Added when it is sent; a preview never shows them."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not come out again, in the forms in which an answer may quote it."""


@dataclass(frozen=True)
class BasicAuth:
    """HTTP Basic (RFC 7617), in UTF-8: requests itself would encode a pasted non-Latin key as
    Latin-1, and fail."""

    user: str
    password: str = field(repr=False)

    @property
    def _pair(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Basic {self._pair}"}

    @property
    def secrets(self) -> tuple[str, ...]:
        return self._pair, self.password


@dataclass(frozen=True)
class HeaderAuth:
    """The key in a header: ``HeaderAuth("X-Api-Key", key)``, and with a scheme before it
    ``HeaderAuth("Authorization", key, scheme="Bearer")``."""

    name: str
    key: str = field(repr=False)
    scheme: str = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """:raises CredentialsError: the key holds what no header can carry: a line break."""
        if not self.key.isprintable():
            raise CredentialsError(_("The key holds a character that cannot be part of a key"))
        return {self.name: f"{self.scheme} {self.key}".strip()}

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.key,)


@dataclass(frozen=True)
class Anonymous:
    """No proof at all: for an address that wants none, and must not learn a key."""

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()
