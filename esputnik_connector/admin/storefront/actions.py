"""The buttons of a storefront. Each acts by POST, asks nobody, and lets a worker do the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.pages import Page, register
from esputnik_connector.admin.trace import leave_trace
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import StepName
from esputnik_connector.operations.storefront.connect import (
    accept_rivals,
    connect,
    demand_speaking,
    disconnect,
    storefront_of,
)
from esputnik_connector.operations.storefront.schedule import ask_for_step, ask_for_work

from .form import BehaviourForm, StorefrontForm
from .page import MAY_ACT, address_of, show

CONFIRM = "admin/esputnik_connector/search/confirm.html"


def connect_view(request: HttpRequest, context: dict[str, Any], *, connection: int) -> HttpResponse:
    """Connect it, or change what is wanted of it."""
    found = _connection(connection)
    form = StorefrontForm(request.POST)
    if not form.is_valid():
        return show(request, context, wrong={found.pk: form})
    try:
        storefront = connect(found, form.choices())
    except BadRequestError as error:
        form.add_error(None, str(error))
        return show(request, context, wrong={found.pk: form})
    ask_for_work(storefront)
    leave_trace(request, found, str(storefront), _("Storefront connected"))
    messages.success(
        request, _("A worker sets the storefront %s up. Look again in a minute.") % storefront
    )
    return redirect(address_of(request))


def behaviour_view(
    request: HttpRequest, context: dict[str, Any], *, connection: int
) -> HttpResponse:
    storefront = _storefront(connection)
    form = BehaviourForm(request.POST)
    if not form.is_valid():
        return show(request, context, wrong_behaviour={connection: form})
    form.fill(storefront)
    leave_trace(request, storefront.connection, str(storefront), _("Routes and forms changed"))
    messages.success(request, _("Saved. Pages in a cache follow when it is emptied."))
    if storefront.lacks_site_id:
        messages.warning(
            request,
            "{} {}".format(
                _("The siteId is not known, without which the tracker takes nothing."),
                _("Write it on the page of the storefront: it stands in the account."),
            ),
        )
    return redirect(address_of(request))


def try_again_view(
    request: HttpRequest, _context: dict[str, Any], *, connection: int
) -> HttpResponse:
    """One failed step, and what waits for it. Without a step: all of them, of which each looks
    first what is there."""
    storefront = _storefront(connection)
    try:
        demand_speaking(storefront.connection, is_leaving=not storefront.is_connected)
    except BadRequestError as error:
        messages.error(request, str(error))
        return redirect(address_of(request))
    name = request.POST.get("step", "")
    if name in StepName.values:
        ask_for_step(storefront, StepName(name))
    else:
        ask_for_work(storefront)
    messages.success(request, _("A worker tries it again. Look again in a minute."))
    return redirect(address_of(request))


def accept_view(request: HttpRequest, _context: dict[str, Any], *, connection: int) -> HttpResponse:
    storefront = _storefront(connection)
    names = ", ".join(accept_rivals(storefront))
    ask_for_work(storefront)
    leave_trace(request, storefront.connection, str(storefront), _("Other providers stay"))
    messages.success(request, _("Web push stays beside %s.") % (names or "–"))
    return redirect(address_of(request))


def disconnect_view(
    request: HttpRequest, context: dict[str, Any], *, connection: int
) -> HttpResponse:
    """Asks first."""
    storefront = _storefront(connection)
    if "agreed" in request.POST:
        disconnect(storefront)
        ask_for_work(storefront)
        leave_trace(request, storefront.connection, str(storefront), _("Storefront disconnected"))
        messages.success(request, _("%s is disconnected.") % storefront)
        return redirect(address_of(request))
    consequences = [
        _("No page of %s carries eSputnik's script any more: visitors are not tracked, and no "
          "widget is shown.") % storefront,
        _("The domain leaves web push, and the service worker takes itself out of browsers. Who "
          "subscribed has to subscribe again."),
        _("The domain stays registered at eSputnik, whose support alone can take it out."),
        _("Customers, orders and carts are sent as before."),
    ]  # fmt: skip
    more = {
        "title": _("Disconnect %s?") % storefront,
        "consequences": consequences,
        "yes": _("Disconnect"),
        "is_destructive": True,
        "back": address_of(request),
    }
    return TemplateResponse(request, CONFIRM, {**context, **more})


def _connection(pk: int) -> Connection:
    found: Connection | None = Connection.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _storefront(connection: int) -> Storefront:
    found = storefront_of(_connection(connection))
    if found is None:
        raise Http404
    return found


def _by_post(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def posted(request: HttpRequest, context: dict[str, Any], **parts: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return view(request, context, **parts)

    return posted


ACTIONS: dict[str, Callable[..., HttpResponse]] = {
    "connect": connect_view,
    "behaviour": behaviour_view,
    "again": try_again_view,
    "accept": accept_view,
    "disconnect": disconnect_view,
}
register(
    *(
        Page(
            name=f"storefront_{name}",
            title=gettext_lazy("Storefront"),
            permission=MAY_ACT,
            path=f"storefronts/<int:connection>/{name}/",
            view=_by_post(view),
        )
        for name, view in ACTIONS.items()
    )
)
