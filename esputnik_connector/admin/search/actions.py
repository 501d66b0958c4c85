"""What may be done about one record. Each acts by POST, says what it did, and leaves a trace."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.addresses import KEY
from esputnik_connector.admin.pages import linked, register
from esputnik_connector.admin.send_again import RoutesForm
from esputnik_connector.admin.trace import leave_trace
from esputnik_connector.exceptions import BadRequestError, ConnectorError
from esputnik_connector.models import Connection
from esputnik_connector.models.permissions import Right
from esputnik_connector.models.reconcile import VERDICTS
from esputnik_connector.operations.erase.person import erase_person, person
from esputnik_connector.operations.record.ask_remote import RemoteAnswer, ask_remote
from esputnik_connector.operations.record.send_again import Resending, send_again
from esputnik_connector.operations.record.send_now import Sending, send_now
from esputnik_connector.operations.record_history.holdings import holdings_of
from esputnik_connector.operations.record_history.sentence import why_text
from esputnik_connector.records import Kind

from .record import kind_or_404
from .titles import record_url, title_of

CONFIRM = "admin/esputnik_connector/search/confirm.html"

DONE = {
    Sending.HASTENED: gettext_lazy("It was in line, and is sent as soon as a worker takes it."),
    Sending.REVIVED: gettext_lazy("It was set aside, and is in line again; a worker was woken."),
    Sending.QUEUED: gettext_lazy(
        "It is in line. If nothing has changed since the last delivery, it is skipped."
    ),
    Sending.UPLOADING: gettext_lazy("It was accepted a moment ago and is still worked on."),
}


def _connection(pk: int) -> Connection:
    found: Connection | None = Connection.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def send_now_view(
    request: HttpRequest, _context: dict[str, Any], *, connection: int, kind: str, key: str
) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    found, found_kind = _connection(connection), kind_or_404(kind)
    try:
        done = send_now(found, found_kind, key)
    except BadRequestError:
        messages.error(request, _("An event is told once: there is nothing in line of it."))
    else:
        messages.success(request, str(DONE[done]))
        leave_trace(request, found, title_of(found_kind, key), _("Sent now"))
    return redirect(record_url(request, found_kind, key))


def send_unchanged_view(
    request: HttpRequest, context: dict[str, Any], *, connection: int, kind: str, key: str
) -> HttpResponse:
    """Asks first: most routes of an order start its events again."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    found, found_kind = _connection(connection), kind_or_404(kind)
    is_agreed = "agreed" in request.POST
    connections = [found] if found_kind is Kind.ORDER else []
    form = RoutesForm(request.POST if is_agreed else None, connections)
    if not (is_agreed and form.is_valid()):
        consequences = [
            _(
                "It is read from the shop as it is now and sent in some minutes, whatever was "
                "delivered before."
            )
        ]
        more = {"consequences": consequences, "routes": list(form), "yes": _("Send again")}
        more["title"] = _("Send again: %(name)s?") % {"name": title_of(found_kind, key)}
        return TemplateResponse(
            request, CONFIRM, {**context, **more, "back": _back(request, found_kind, key)}
        )
    route = form.route_of(found) if found_kind is Kind.ORDER else ""
    try:
        send_again(found, Resending(kind=found_kind, keys=(key,), route=route))
    except ConnectorError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is in line, and is sent in some minutes."))
        leave_trace(request, found, title_of(found_kind, key), _("Sent again, although unchanged"))
    return redirect(record_url(request, found_kind, key))


def _back(request: HttpRequest, kind: Kind, key: str) -> str:
    return record_url(request, kind, key)


@transaction.non_atomic_requests
def compare_view(
    request: HttpRequest, _context: dict[str, Any], *, connection: int, kind: str, key: str
) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    found, found_kind = _connection(connection), kind_or_404(kind)
    label = registry.destination_label(found.destination)
    try:
        answer = ask_remote(found, found_kind, key)
    except ConnectorError as error:
        text = _("%(destination)s could not be asked: %(why)s")
        messages.error(request, text % {"destination": label, "why": error})
    else:
        tell = messages.success if answer.verdict and not answer.differing else messages.warning
        tell(request, _compared(answer, label))
    return redirect(record_url(request, found_kind, key))


def _compared(answer: RemoteAnswer, label: str) -> str:
    if answer.verdict is None:
        why = why_text(answer.reason.value if answer.reason else "", answer.detail)
        text = _("Not compared: %(why)s. %(destination)s tells what it holds of customers alone.")
        return text % {"why": why, "destination": label}
    said = f"{label}: {VERDICTS[answer.verdict]}"
    if not answer.differing:
        return f"{said}."
    return _("%(said)s. Fields that differ: %(names)s.") % {
        "said": said,
        "names": ", ".join(answer.differing),
    }


def erase_view(request: HttpRequest, context: dict[str, Any], *, key: str) -> HttpResponse:
    """Says what it means, and wants the e-mail typed."""
    erased = person(key)
    if request.method == "POST" and "typed" in request.POST:
        try:
            count = erase_person(erased, confirmation=request.POST["typed"])
        except ConnectorError as error:
            messages.error(request, str(error))
        else:
            text = _("The person is never sent again. Deletions in line: %(count)s.")
            messages.success(request, text % {"count": count})
            leave_trace(request, None, title_of(Kind.CONTACT, key), _("Erased at the destinations"))
            return redirect(record_url(request, Kind.CONTACT, key))
    consequences = [
        _("The contact is deleted at each destination, with its history there."),
        _("Nothing of this person is sent again: no order, no cart, no import."),
        _("The shop keeps the account and the orders; they can be deleted there."),
        _("This cannot be undone by a person of the staff."),
    ]
    more = {
        "title": _("Erase this person?"),
        "consequences": consequences,
        "typed": erased.confirmation,
        "yes": _("Erase"),
        "is_destructive": True,
        "back": _back(request, Kind.CONTACT, key),
    }
    return TemplateResponse(request, CONFIRM, {**context, **more})


@transaction.non_atomic_requests
def holdings_view(request: HttpRequest, _context: dict[str, Any], *, key: str) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    answer = JsonResponse(holdings_of(key), json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = 'attachment; filename="holdings.json"'
    answer["Cache-Control"] = "no-store"
    leave_trace(request, None, title_of(Kind.CONTACT, key), _("Exported what is held"))
    return answer


PLACE = f"<int:connection>/<str:kind>/{KEY}/"
SEARCH = gettext_lazy("Search")
register(
    linked("send_now", SEARCH, f"do/send-now/{PLACE}", send_now_view, Right.OPERATE),
    linked("send_unchanged", SEARCH, f"do/send-again/{PLACE}", send_unchanged_view, Right.OPERATE),
    linked("compare", SEARCH, f"do/compare/{PLACE}", compare_view, Right.OPERATE),
    linked("erase", SEARCH, f"do/erase/{KEY}/", erase_view, Right.ERASE),
    linked("holdings", SEARCH, f"do/holdings/{KEY}/", holdings_view, Right.OPERATE, Right.ERASE),
)
