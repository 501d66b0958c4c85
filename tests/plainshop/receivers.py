from django.db.models.signals import post_delete, post_save, pre_delete

from esputnik_connector import identity

from .models import Cart, Customer, Order


def connect(capture):
    def customer_saved(instance, using, raw=False, **kwargs):
        if not raw:
            capture.contact_changed(str(instance.pk), using=using)

    def customer_deleted(instance, using, **kwargs):
        locators = [identity.email(instance.email), identity.phone(instance.phone, region="UA")]
        capture.contact_deleted(str(instance.pk), locators=locators, using=using)

    def order_changed(instance, using, raw=False, **kwargs):
        if not raw:
            capture.order_changed(instance.number, using=using)

    def cart_changed(instance, using, raw=False, **kwargs):
        if not raw:
            capture.cart_changed(str(instance.pk), using=using)

    for signal, model, receiver in (
        (post_save, Customer, customer_saved),
        (pre_delete, Customer, customer_deleted),
        (post_save, Order, order_changed),
        (post_delete, Order, order_changed),
        (post_save, Cart, cart_changed),
        (post_delete, Cart, cart_changed),
    ):
        uid = f"plainshop.{receiver.__name__}.{signal is post_save}"
        signal.connect(receiver, sender=model, dispatch_uid=uid, weak=False)
