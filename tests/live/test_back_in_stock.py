"""From a saved stock record to the event, with a real worker in between."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from oscar.core.loading import get_model
from oscar.test.factories import create_product

from esputnik_connector import tasks
from esputnik_connector.models import OutboxMessage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar and its factories
]

Alert = get_model("customer", "ProductAlert")
StockRecord = get_model("partner", "StockRecord")


def test_an_answered_alert_and_a_silent_restock_arrive_within_seconds(live, fake, worker, eager):
    live.send_back_in_stock = True
    live.save()
    worker.start()
    products = [create_product(num_in_stock=0) for _ in range(2)]
    users = [get_user_model().objects.create_user(name, f"{name}@example.com") for name in "ab"]
    for user, product in zip(users, products, strict=True):
        Alert.objects.create(user=user, product=product)

    record = StockRecord.objects.get(product=products[0])
    record.num_in_stock = 5
    record.save()  # Oscar's eager alerts answer
    StockRecord.objects.filter(product=products[1]).update(num_in_stock=5)
    tasks.watch_products.delay()  # as beat does

    def told() -> list[str]:
        return sorted(event["params"]["email"] for event in fake.events("ProductBackInStock"))

    everybody = ["a@example.com", "b@example.com"]
    fake.wait_for(lambda: told() == everybody and not OutboxMessage.objects.exists(), timeout=60)
    assert fake.violations == []
