"""The ready subscription form: its page, what it takes, and what it says.

It says the same of every address, since it looks for none: whether somebody is known, subscribed or
erased is decided at eSputnik, later. It works without JavaScript.
"""

from __future__ import annotations

from logging import getLogger
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from esputnik_connector import identity
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.records import Person

from .customer import customer_of
from .forms import SubscriptionForm, subscribe, takers
from .limits import is_over
from .origin import UNKNOWN, asked_host, client_of, is_same_origin

FORM_PAGE = "esputnik_connector/subscribe.html"
DONE_PAGE = "esputnik_connector/subscribed.html"
SCRIPT = "esputnik_connector/subscribe.js"
FORM = "esputnik_connector/subscribe_form.html"
LONGEST_EMAIL = 254
# Of clients whose address says nothing, all together: a shop behind a proxy has many visitors.
UNKNOWN_CLIENTS = 30

logger = getLogger(__name__)


class AddressForm(forms.Form):
    """What a visitor writes, and what the page adds. ``website`` is for robots alone."""

    email = forms.CharField(max_length=LONGEST_EMAIL)
    website = forms.CharField(required=False)
    form = forms.CharField(max_length=5000)
    next = forms.CharField(required=False, max_length=2000)

    def clean_email(self) -> str:
        """:raises ValidationError: it is no address."""
        email = identity.email(self.cleaned_data["email"])
        if not email:
            raise forms.ValidationError(gettext_lazy("Enter a valid e-mail address."))
        return email


def form_context(
    form: SubscriptionForm, *, way_back: str = "", email: str = "", error: str = ""
) -> dict[str, Any]:
    """What the template of the form needs. Nothing of it is about the visitor, unless they have
    just sent the form and have to correct it.

    :raises NoReverseMatch: the project has left our addresses out.
    """
    return {
        "form_type": form.form_type,
        "signed": form.signed(),
        "way_back": way_back,
        "email": email,
        "error": error,
        "longest": LONGEST_EMAIL,
        "address": reverse("esputnik_connector:subscribe"),
        "script": script_address(),
    }


def script_address() -> str:
    """Of the script that keeps a visitor on their page; ``""`` where the static files of this
    version were not collected: the form works without it, and must not cost the shop its page."""
    try:
        return static(SCRIPT)
    except ValueError as error:
        logger.error("the form has no script (run collectstatic): %s", error)
        return ""


def respond(request: HttpRequest) -> HttpResponse:
    """The page of the form, or what became of a form that was sent."""
    if request.method in ("GET", "HEAD"):
        return _page(request, SubscriptionForm())
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    if not is_same_origin(request):
        text = _(
            "This form can only be sent from a page of this site. Open its page, and try again."
        )
        return _refusal(request, SubscriptionForm(), text, status=403)
    given = AddressForm(request.POST)
    is_clean = given.is_valid()
    try:
        form = SubscriptionForm.opened(request.POST.get("form", ""))
    except BadRequestError as error:
        return _refusal(request, SubscriptionForm(), str(error), status=400)
    if not is_clean:
        return _refusal(request, form, _("Enter a valid e-mail address."), status=400)
    return _taken(request, form, given.cleaned_data)


def done(request: HttpRequest) -> HttpResponse:
    """The page that thanks, for whoever has no JavaScript. It says nothing of anybody."""
    return HttpResponse(
        render_to_string(
            DONE_PAGE,
            {"way_back": _way_back(request.GET), "message": thanks()},
            request,
        )
    )


def _taken(request: HttpRequest, form: SubscriptionForm, given: dict[str, str]) -> HttpResponse:
    email = given["email"]
    if given["website"]:  # a robot: it must not learn what gave it away
        return _thanks(request)
    client = client_of(request)
    most = conf.SUBSCRIBE_PER_CLIENT * (UNKNOWN_CLIENTS if client == UNKNOWN else 1)
    if is_over("client", client, most=most):
        text = _("There were too many tries from your network. Please try again in an hour.")
        return _refusal(request, form, text, status=429, email=email)
    if is_over("address", email.lower(), most=conf.SUBSCRIBE_PER_ADDRESS):
        return _thanks(request)  # it was written down that many times within the hour
    is_written = subscribe(
        form,
        email=email,
        language=getattr(request, "LANGUAGE_CODE", "") or get_language() or "",
        contact_key=_own_key(customer_of(request), email),
        connections=takers(asked_host(request)),
    )
    if not is_written:
        text = _("This did not work just now. Please try again in some minutes.")
        return _refusal(request, form, text, status=503, email=email)
    return _thanks(request)


def _own_key(customer: Person, email: str) -> str:
    """The customer's key, if they wrote their own address. With another address eSputnik would find
    their contact by the key, and keep the address that it has."""
    return customer.contact_key if customer.email.lower() == email.lower() else ""


def _thanks(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"message": thanks()})
    way_back = _way_back(request.POST)
    address = reverse("esputnik_connector:subscribed")
    query = f"?{urlencode({'next': way_back})}" if way_back else ""
    return redirect(f"{address}{query}")


def thanks() -> str:
    """The same for everybody."""
    return _(
        "Thank you. If this address has to be confirmed, a letter with a link is on its way: "
        "open the link."
    )


def _refusal(
    request: HttpRequest, form: SubscriptionForm, text: str, *, status: int, email: str = ""
) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"error": text}, status=status)
    written = email or request.POST.get("email", "")[:LONGEST_EMAIL]
    return _page(request, form, email=written, error=text, status=status)


def _page(
    request: HttpRequest,
    form: SubscriptionForm,
    *,
    email: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    context = form_context(form, way_back=_way_back(sent), email=email, error=error)
    return HttpResponse(render_to_string(FORM_PAGE, context, request), status=status)


def _way_back(sent: Any) -> str:
    """The page to return to: one of this site, or none."""
    page = str(sent.get("next", ""))
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return page if is_ours and page.startswith("/") else ""


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")
