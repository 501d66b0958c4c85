"""Visitors subscribe on real pages, over HTTP, while eSputnik is away."""

from __future__ import annotations

import time

import pytest
import requests

from esputnik_connector.models import OutboxMessage
from esputnik_connector.tracking.forms import SubscriptionForm

pytestmark = pytest.mark.slow

IMPATIENCE = 2.0  # seconds; far above what the page takes


def subscribe(url: str, email: str) -> requests.Response:
    form = SubscriptionForm(form_type="footer", groups=("News",)).signed()
    return requests.post(
        f"{url}/esputnik/subscribe",
        data={"email": email, "form": form},
        headers={"Origin": url},
        timeout=10,
    )


def test_esputnik_is_away_while_visitors_subscribe(live, fake, live_server, worker):
    fake.stop()
    worker.start()
    emails = [f"reader{number}@example.com" for number in range(4)]
    started = time.monotonic()
    answers = [subscribe(live_server.url, email) for email in emails]
    assert time.monotonic() - started < IMPATIENCE * len(emails)
    assert {answer.status_code for answer in answers} == {200}
    assert all("Thank you" in answer.text for answer in answers)
    time.sleep(6)  # the worker finds nobody there and pauses its lane
    waiting = OutboxMessage.objects.filter(kind="subscribe", is_dead=False, attempts=0)
    assert waiting.count() == len(emails)
    fake.start()
    fake.wait_for(
        lambda: set(emails) <= set(fake.addresses) and not OutboxMessage.objects.exists(),
        timeout=60,
    )
    assert {fake.addresses[email] for email in emails} == {"unconfirmed"}
    assert len(fake.events("subscribeFromApi-footer")) == len(emails)
    assert fake.violations == []
