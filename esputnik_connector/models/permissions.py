"""What a person of the shop's staff may do with the connector: four rights, each for a job.

Django makes four permissions for every table, and a table says nothing of a job. These four do;
``esputnik_groups`` makes a group of each, with what the lists of the admin need beside it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

APP = "esputnik_connector"


class Right(str, Enum):
    """A right by its codename; :attr:`permission` is what ``has_perm`` takes."""

    SEE = "see"
    OPERATE = "operate"
    CONFIGURE = "configure"
    ERASE = "erase"

    @property
    def permission(self) -> str:
        return f"{APP}.{self.value}"

    def is_of(self, user: Any) -> bool:
        """Has this person the right? Superusers have all; nobody else has one by another."""
        return bool(user.is_active and user.is_staff and user.has_perm(self.permission))


LABELS: dict[Right, Lazy] = {
    Right.SEE: _("Can see what was sent of whom, and why something was not"),
    Right.OPERATE: _("Can send again, skip, import and end a rest"),
    Right.CONFIGURE: _("Can change the connection, its key and what is sent"),
    Right.ERASE: _("Can erase a person at eSputnik"),
}


def permissions() -> list[tuple[str, str | Lazy]]:
    """For the ``Meta`` of the one model that holds them."""
    return [(right.value, label) for right, label in LABELS.items()]
