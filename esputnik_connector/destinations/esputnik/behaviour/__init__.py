"""Behaviour as eSputnik spells it: one pure writer for each way by which it travels.

The same thing has other names on each way (esputnik-api.md#web-tracking,
esputnik-api.md#behaviour-events): ``productKey`` or ``product_id`` or ``productId``, a price as a
text or as a number. Whatever the name, the id, the price, the currency and the category are those
of the product feed.
"""
