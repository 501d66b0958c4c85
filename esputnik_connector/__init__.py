"""eSputnik for a Django shop: customers, orders and carts, live, through an outbox."""

__version__ = "0.1.0"
