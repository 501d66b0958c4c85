"""How the sandbox shop delivers: from the shop for nothing, or by a carrier for money."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from oscar.apps.shipping import methods, repository


class CollectInShop(methods.Free):
    code = "collect"
    name = _("Collect in the shop")


class NovaPoshta(methods.FixedPrice):
    code = "nova-poshta"
    name = _("Nova Poshta, to a branch")
    charge_excl_tax = charge_incl_tax = Decimal("80.00")


class Repository(repository.Repository):
    methods = (NovaPoshta(), CollectInShop())
