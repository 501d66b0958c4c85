"""The storefront of a connection in the document of :mod:`.config`: what a person chose of it.

What the account gave (scripts, how far each step is) is fetched by each installation itself, and
web push belongs to the domain of one: neither is in the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from django.utils.translation import gettext as _

from esputnik_connector.behaviour import (
    ALLOWED_ROUTES,
    DEFAULT_ROUTES,
    BehaviourType,
    Route,
    why_impossible,
)
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import FormsChoice
from esputnik_connector.operations.storefront.connect import (
    StorefrontChoices,
    note,
    storefront_of,
)
from esputnik_connector.operations.storefront.schedule import ask_for_work
from esputnik_connector.records import JSONObject

STOREFRONT = "storefront"  # its name in the document
SWITCHES = ("is_tracking", "is_inbox", "loads_before_consent")
NAMES = ("domain", *SWITCHES, "forms", "routes")


def chosen(storefront: Storefront) -> JSONObject:
    """What a person chose of it. Of a type that travels the usual way, there is no route; nor of
    one whose chosen way is no longer possible."""
    written = {each: storefront.routes.get(each.value) for each in BehaviourType}
    return {
        "domain": storefront.domain,
        **{name: getattr(storefront, name) for name in SWITCHES},
        "forms": storefront.forms,
        "routes": {
            each.value: value
            for each, value in written.items()
            if value in _possible(each) and value != DEFAULT_ROUTES[each].value
        },
    }


class StorefrontImport:
    """Makes the storefront of a connection as a document has it. Asks nobody.

    ``faults`` are pairs of a path within the section, such as ``.forms``, and a sentence.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.faults: list[tuple[str, str]] = []
        self.changes: list[str] = []

    def put(self, given: object) -> None:
        """What it leaves out stays; routes are made equal to the document."""
        if not isinstance(given, Mapping):
            self.faults.append(("", _("must be an object")))
            return
        self.faults += [*_faults(given)]
        if self.faults:
            return
        found = storefront_of(self.connection)
        before = chosen(found) if found and found.is_connected else None
        storefront = self._with_domain(found, given)
        if storefront is None:
            return
        self._fill(storefront, given)
        self._tell(storefront, before)
        if self.changes:
            ask_for_work(storefront)

    def _with_domain(
        self, found: Storefront | None, given: Mapping[str, object]
    ) -> Storefront | None:
        """The row: a new one, or one to be connected again, where there is none that is connected.

        A domain that is connected is not exchanged for another in passing: that is refused.
        """
        domain = given.get("domain")
        if found and found.is_connected and domain in (None, found.domain):
            return found
        wish = StorefrontChoices(domain=domain if isinstance(domain, str) else None)
        try:
            return note(self.connection, wish)
        except BadRequestError as error:
            self.faults.append((".domain", str(error)))
            return None

    def _fill(self, storefront: Storefront, given: Mapping[str, object]) -> None:
        values = {name: given[name] for name in (*SWITCHES, "forms", "routes") if name in given}
        routes = values.get("routes")
        if isinstance(routes, Mapping):
            usual = {each.value: DEFAULT_ROUTES[each].value for each in BehaviourType}
            values["routes"] = {name: way for name, way in routes.items() if way != usual[name]}
        for name, value in values.items():
            setattr(storefront, name, value)
        storefront.save(update_fields=[*values])

    def _tell(self, storefront: Storefront, before: JSONObject | None) -> None:
        what = f"{storefront._meta.verbose_name} {storefront.domain}"
        if before is None:
            self.changes.append(_("%s: new") % what)
            return
        for name, value in chosen(storefront).items():
            if before[name] != value:
                self.changes.append(f"{what}: {name}: {before[name]!r} → {value!r}")


def not_known(given: Mapping[str, object], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each name of an object in the document that means nothing here, and what is said of it."""
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, n=1, cutoff=0.5)
            meant = _(" Did you mean “%s”?") % near[0] if near else ""
            yield name, _("is not known.") + meant


def _faults(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is wrong with the values, without a look at the database."""
    for name, text in not_known(given, NAMES):
        yield f".{name}", text
    for name in SWITCHES:
        if not isinstance(given.get(name, False), bool):
            yield f".{name}", _("must be %s") % "true or false"
    if not isinstance(given.get("domain", ""), str):
        yield ".domain", _("must be %s") % "text"
    if given.get("forms", FormsChoice.BOTH) not in FormsChoice.values:
        yield ".forms", _("must be one of: %s") % ", ".join(FormsChoice.values)
    routes = given.get("routes", {})
    if not isinstance(routes, Mapping):
        yield ".routes", _("must be an object of texts")
        return
    types = {each.value: each for each in BehaviourType}
    for name, text in not_known(routes, types):
        yield f".routes[{name!r}]", text
    for name, value in routes.items():
        if name in types and value not in _possible(types[name]):
            yield f".routes[{name!r}]", _why_refused(types[name], value)


def _why_refused(behaviour_type: BehaviourType, value: object) -> str:
    """Which ways there are, and why eSputnik has not the one that is wished, if it is one."""
    why = [why_impossible(behaviour_type, route) for route in Route if route.value == value]
    ways = _("must be one of: %s") % ", ".join(_possible(behaviour_type))
    return ". ".join([ways, *why])


def _possible(behaviour_type: BehaviourType) -> list[str]:
    return [route.value for route in Route if route in ALLOWED_ROUTES[behaviour_type]]
