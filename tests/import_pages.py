"""The pages of a historical import, as a merchant reads and presses them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.exceptions import Veto
from esputnik_connector.models import Backfill, Connection
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.records import Outcome, Reason

NOW = datetime(2025, 11, 21, 12, tzinfo=timezone.utc)
LOUD = {"what": "orders", "route": "orders"}
QUIET = {"what": "all", "route": "past_events"}


def but_not_the_ninth(record: Any, _connection: Connection) -> Any:
    if record.key == "9":
        raise Veto("wholesale")
    return record


def staff(*permissions: str, **traits: Any) -> Any:
    user = get_user_model().objects.create_user("staff", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def url(view: str, *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_backfill_{view}", args=arguments)


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def page_of(client: Client, *address: Any, **query: Any) -> str:
    response = client.get(url(*address), query)
    assert response.status_code == 200
    return str(response.content.decode())


def work(run: Backfill, seconds: float = 0) -> None:
    BackfillWorker(Backfill.objects.get(pk=run.pk)).work(seconds=seconds)
    run.refresh_from_db()


def refuse(*keys: str) -> Callable[..., Any]:
    def answer(envelopes: Any) -> list[Receipt]:
        return [
            Receipt(kind=one.kind, key=one.key, outcome=Outcome.REJECTED, reason=Reason.REFUSED)
            if one.key in keys
            else Receipt(kind=one.kind, key=one.key, outcome=Outcome.DELIVERED)
            for one in envelopes
        ]

    return staticmethod(answer)


def alerts(client: Client, run: Backfill) -> str:
    (told,) = client.get(url("progress"), {"run": run.pk}).json()["runs"]
    return " ".join(told["alerts"])


def buttons(client: Client, run: Backfill) -> set[str]:
    page = page_of(client, "change", run.pk)
    return {part.split('/"')[0] for part in page.split(f"/{run.pk}/do/")[1:]}


def press(client: Client, run: Backfill, action: str) -> str:
    response = client.post(url("do", run.pk, action), follow=True)
    assert response.status_code == 200
    run.refresh_from_db()
    return texts(response)
