"""A shop of three plain models, word for word that of docs/howto/a-shop-that-is-not-oscar.md."""
