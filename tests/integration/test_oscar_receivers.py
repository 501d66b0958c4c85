"""Which change of an Oscar shop is reported as what."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import signals
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject
from oscar.apps.checkout.signals import start_checkout
from oscar.apps.order.signals import order_placed, order_status_changed
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.shops.oscar.receivers import Receivers

pytestmark = [
    pytest.mark.django_db,
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

User = get_user_model()
Basket = get_model("basket", "Basket")
Order = get_model("order", "Order")


class RecordingCapture:
    """Remembers what was reported: ``("contact", "7")``."""

    def __init__(self):
        self.reports = []
        self.databases = set()
        self.locators = ()
        self.emails = []

    def _note(self, word, key, using):
        assert isinstance(key, str)
        self.reports.append((word, key))
        self.databases.add(using)

    def contact_changed(self, key, *, using=None):
        self._note("contact", key, using)

    def contact_deleted(self, key, *, locators=(), orders=(), using=None):
        self._note("deleted", key, using)
        self.locators = tuple(locators)

    def order_changed(self, key, *, using=None):
        self._note("order", key, using)

    def cart_changed(self, key, *, using=None):
        self._note("cart", key, using)

    def cart_identified(self, key, *, email, using=None):
        self._note("identified", key, using)
        self.emails.append(email)

    def event_happened(self, key, *, using=None):
        self._note("event", key, using)

    def taken(self):
        """What was reported since the last time, without repeats."""
        taken, self.reports = set(self.reports), []
        return taken


@pytest.fixture
def capture():
    recording = RecordingCapture()
    receivers = Receivers(recording, name="tests")
    receivers.connect()
    yield recording
    receivers.disconnect()


@pytest.fixture
def user():
    return factories.UserFactory(email="Ann@Example.com")


@pytest.fixture
def basket(user):
    filled = factories.BasketFactory(owner=user)
    filled.add_product(factories.ProductFactory())
    return filled


@pytest.fixture
def order(user):
    placed = factories.create_order(number="100500", user=user)
    return Order.objects.get(pk=placed.pk)


@pytest.fixture
def customer_model():
    """A proxy of the user model, as admin sites and old projects have them."""

    class Customer(User):
        class Meta:
            proxy = True
            app_label = User._meta.app_label

    yield Customer
    del apps.all_models[User._meta.app_label]["customer"]
    apps.clear_cache()


def contact(user):
    return ("contact", str(user.pk))


def cart(basket):
    return ("cart", str(basket.pk))


# Contacts


def test_a_saved_user_is_a_changed_contact_in_the_same_database(capture, user):
    capture.taken()
    user.save()
    assert capture.taken() == {contact(user)}
    assert capture.databases == {"default"}


def test_a_login_alone_changes_nothing(capture, user):
    capture.taken()
    user.save(update_fields=["last_login"])
    assert capture.taken() == set()


def test_a_loaded_fixture_changes_nothing(capture, user, basket, order):
    capture.taken()
    for row in (user, basket, basket.lines.get(), order, order.lines.get()):
        row.save_base(raw=True)
    assert capture.taken() == set()


def test_a_deleted_user_is_reported_once_with_locators_and_without_its_cascade(
    capture, user, basket
):
    factories.UserAddressFactory(user=user, phone_number="+380671112233")
    key = str(user.pk)
    capture.taken()
    user.delete()
    assert capture.taken() == {("deleted", key)}
    assert capture.locators == ("Ann@example.com", "+380671112233")


def test_users_deleted_by_a_queryset_are_reported_too(capture, user, basket):
    key = str(user.pk)
    capture.taken()
    User.objects.filter(pk=user.pk).delete()
    assert capture.taken() == {("deleted", key)}


def test_a_user_without_email_is_deleted_without_locators(capture):
    factories.UserFactory(email="").delete()
    assert capture.locators == ()


def test_a_proxy_of_the_user_is_the_user(customer_model, capture, user):
    customer = customer_model.objects.get(pk=user.pk)
    capture.taken()
    customer.save()
    assert capture.taken() == {contact(user)}
    key = str(user.pk)
    customer.delete()
    assert capture.taken() == {("deleted", key)}


def test_the_address_book_belongs_to_the_contact(capture, user):
    capture.taken()
    address = factories.UserAddressFactory(user=user)
    assert capture.taken() == {contact(user)}
    address.save()
    assert capture.taken() == {contact(user)}
    address.delete()
    assert capture.taken() == {contact(user)}


def test_a_profile_belongs_to_the_contact(settings, user):
    """The address stands in for a profile: any model with a ``user`` will do."""
    settings.AUTH_PROFILE_MODULE = "customer.ProductAlert"
    recording = RecordingCapture()
    receivers = Receivers(recording, name="profile")
    receivers.connect()
    factories.ProductAlertFactory(user=user)
    receivers.disconnect()
    assert contact(user) in recording.reports


# Orders


def test_a_placed_order_changes_the_order_the_contact_and_the_cart(capture, user, basket):
    capture.taken()
    placed = factories.create_order(number="100501", basket=basket, user=user)
    assert capture.taken() == {("order", "100501"), contact(user), cart(basket)}
    assert placed.number == "100501"


def test_a_guests_order_changes_no_contact(capture):
    order = factories.OrderFactory(user=None, number="7", guest_email="guest@example.com")
    capture.taken()
    order.save()
    assert capture.taken() == {("order", "7")}


def test_a_status_is_seen_by_signal_and_by_plain_save(capture, order):
    capture.taken()
    order.status = "Whatever"
    order.save()
    assert capture.taken() == {("order", "100500"), contact(order.user)}
    loaded = Order.objects.get(pk=order.pk)  # of which nobody here saw a save
    order_status_changed.send(sender=loaded, order=loaded, old_status="a", new_status="b")
    assert capture.taken() == {("order", "100500"), contact(order.user)}
    order_placed.send(sender=object(), order=loaded, user=loaded.user)
    assert capture.taken() == {("order", "100500"), contact(order.user)}


def test_set_status_is_seen(capture, order):
    capture.taken()
    order.set_status(order.available_statuses()[0])
    assert ("order", "100500") in capture.taken()


def test_the_thank_you_page_changes_nothing(capture, order):
    capture.taken()
    marks = {field.name for field in order._meta.fields} & {"analytics_tracked"}  # not in Oscar 4.0
    order.save(update_fields=sorted(marks))
    assert capture.taken() == set()


def test_a_deleted_order_changes_the_totals_of_its_contact(capture, order, user):
    capture.taken()
    with CaptureQueriesContext(connection) as queries:
        order.delete()
    assert capture.taken() == {("order", "100500"), contact(user)}
    assert not any('"number" FROM' in query["sql"] for query in queries)


def test_the_parts_of_an_order_belong_to_it(capture, order):
    line = get_model("order", "Line").objects.get(order=order)
    source_type = get_model("payment", "SourceType").objects.create(name="Visa")
    discount = factories.OrderDiscountFactory(order=order, amount=Decimal(1))
    surcharge = order.surcharges.create(name="Night", code="night", incl_tax=1, excl_tax=1)
    source = order.sources.create(source_type=source_type)
    for part in (line, discount, surcharge, source):
        capture.taken()
        type(part).objects.get(pk=part.pk).save()
        assert capture.taken() == {("order", "100500")}
    for part in (line, source):
        type(part).objects.get(pk=part.pk).delete()
        assert capture.taken() == {("order", "100500")}


@pytest.mark.parametrize("name", ["shipping_address", "billing_address"])
def test_an_edited_address_changes_its_orders(capture, name):
    order = factories.OrderFactory(user=None, number="8")
    capture.taken()
    getattr(order, name).save()
    assert capture.taken() == {("order", "8")}


def test_a_new_delivery_address_changes_nothing_yet(capture):
    factories.ShippingAddressFactory()
    assert capture.taken() == set()


# Carts


def test_add_change_and_remove_change_the_cart(capture, basket):
    capture.taken()
    line, _ = basket.add_product(factories.ProductFactory())
    assert capture.taken() == {cart(basket)}
    line.quantity = 5
    line.save()
    assert capture.taken() == {cart(basket)}
    line.delete()
    assert capture.taken() == {cart(basket)}


def test_a_flush_changes_the_cart(capture, basket):
    capture.taken()
    basket.flush()
    assert capture.taken() == {cart(basket)}


def test_an_empty_new_basket_is_no_change(capture, user):
    capture.taken()
    Basket.objects.create(owner=user)
    assert capture.taken() == set()


def test_a_line_saved_for_later_changes_both_carts(capture, basket):
    saved = Basket.saved.create(owner=basket.owner)
    line = basket.lines.get()
    capture.taken()
    saved.merge_line(line)
    assert capture.taken() == {cart(basket), cart(saved)}
    basket.merge_line(line)  # and back again, with the very same object
    assert capture.taken() == {cart(basket), cart(saved)}
    line.save()
    assert capture.taken() == {cart(basket)}


def test_a_merge_at_login_changes_both_carts(capture, basket):
    anonymous = factories.BasketFactory(owner=None)
    anonymous.add_product(basket.lines.get().product)
    anonymous.add_product(factories.ProductFactory())
    capture.taken()
    basket.merge(Basket.objects.get(pk=anonymous.pk), add_quantities=False)
    assert capture.taken() == {cart(basket), cart(anonymous)}


def test_freeze_thaw_and_submit_change_the_cart(capture, basket):
    for change in (basket.freeze, basket.thaw, basket.submit):
        capture.taken()
        change()
        assert capture.taken() == {cart(basket)}


def test_a_new_owner_changes_the_cart(capture, user):
    anonymous = factories.BasketFactory(owner=None)
    anonymous.owner = user
    capture.taken()
    anonymous.save()
    assert capture.taken() == {cart(anonymous)}


def test_a_deleted_basket_is_reported_by_itself(capture, basket):
    expected = cart(basket)
    capture.taken()
    basket.delete()
    assert capture.reports == [expected]


def test_a_voucher_changes_the_cart_from_either_side(capture, basket):
    voucher = factories.create_voucher()
    capture.taken()
    basket.vouchers.add(voucher)
    assert capture.taken() == {cart(basket)}
    voucher.basket_set.remove(basket)
    assert capture.taken() == {cart(basket)}
    basket.vouchers.clear()
    assert capture.taken() == {cart(basket)}


def test_a_guest_who_types_an_email_identifies_the_cart(capture, basket):
    request = SimpleNamespace(basket=basket)
    capture.taken()
    start_checkout.send(sender=object(), request=request, email=" Guest@Example.com ")
    assert capture.taken() == {("identified", str(basket.pk))}
    assert capture.emails == ["Guest@example.com"]


def test_a_basket_that_nobody_loaded_stays_unloaded(capture):
    def load():
        raise AssertionError("the basket was evaluated")

    request = SimpleNamespace(basket=SimpleLazyObject(load))
    start_checkout.send(sender=object(), request=request, email="guest@example.com")
    assert capture.taken() == set()


def test_a_loaded_lazy_basket_is_identified(capture, basket):
    lazy = SimpleLazyObject(lambda: basket)
    assert lazy.pk
    start_checkout.send(
        sender=object(), request=SimpleNamespace(basket=lazy), email="guest@example.com"
    )
    assert ("identified", str(basket.pk)) in capture.taken()


@pytest.mark.parametrize("basket_", [None, SimpleNamespace(pk=None)])
def test_a_checkout_without_basket_or_email_identifies_nothing(capture, basket_, basket):
    start_checkout.send(
        sender=object(), request=SimpleNamespace(basket=basket_), email="guest@example.com"
    )
    start_checkout.send(sender=object(), request=SimpleNamespace(basket=basket))
    start_checkout.send(sender=object(), request=SimpleNamespace())
    assert not [report for report in capture.taken() if report[0] == "identified"]


# Costs and failures


def queries_of(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_listening_costs_no_query_where_the_row_tells_enough(user, basket, order):
    line = basket.lines.get()
    line.basket = basket
    part = order.lines.get()
    part.order = order
    saves = (user.save, line.save, basket.save, order.save, part.save)
    silent = [queries_of(save) for save in saves]
    receivers = Receivers(RecordingCapture(), name="costs")
    receivers.connect()
    listening = [queries_of(save) for save in saves]
    receivers.disconnect()
    assert listening == silent


def test_a_receiver_that_fails_is_logged_by_key_and_harms_nobody(capture, order, user, caplog):
    class Broken(RecordingCapture):
        def order_changed(self, key, *, using=None):
            raise ValueError("broken")

    receivers = Receivers(Broken(), name="broken")
    receivers.connect()
    order.save()
    receivers.disconnect()
    assert f"order.Order {order.pk} not captured" in caplog.text
    assert "example" not in caplog.text.lower()


def test_failing_sql_in_a_receiver_leaves_the_transaction_whole(capture, order, monkeypatch):
    line = get_model("order", "Line").objects.get(order=order)
    monkeypatch.setattr(Order._meta, "db_table", "no_such_table")
    line.save()
    monkeypatch.undo()
    assert get_model("order", "Line").objects.filter(pk=line.pk).exists()
    assert capture.reports[-1:] != [("order", "100500")]


def test_deferred_columns_are_no_obstacle(capture, order):
    partial = Order.objects.only("status").get(pk=order.pk)
    capture.taken()
    partial.save()
    assert capture.taken() == {("order", "100500"), contact(order.user)}


def test_a_signal_sent_by_hand_with_less_is_understood(capture, order):
    capture.taken()
    signals.post_save.send(sender=Order, instance=order)
    assert ("order", "100500") in capture.taken()


def test_connecting_twice_reports_once(capture, user):
    again = Receivers(capture, name="tests")
    again.connect()
    capture.reports.clear()
    user.save()
    assert capture.reports == [contact(user)]


def test_a_shop_without_payment_app_is_connected_all_the_same(monkeypatch, user):
    from esputnik_connector.shops.oscar import optional, receivers

    def without_payment(label, name):
        return None if label == "payment" else optional.model_or_none(label, name)

    monkeypatch.setattr(receivers, "model_or_none", without_payment)
    recording = RecordingCapture()
    wired = Receivers(recording, name="smaller")
    wired.connect()
    user.save()
    wired.disconnect()
    assert recording.taken() == {contact(user)}


def test_an_alert_is_an_event_when_it_is_closed_and_not_before(capture, user):
    alert = get_model("customer", "ProductAlert")(user=user, product=factories.ProductFactory())
    alert.save()
    alert.cancel()
    assert not {report for report in capture.taken() if report[0] == "event"}
    alert.close()
    assert capture.taken() == {("event", f"back_in_stock:{alert.pk}")}
    assert capture.databases >= {"default"}
