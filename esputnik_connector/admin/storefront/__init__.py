"""“Storefront”: the shop's domain at each account, its steps, routes and web push."""

from . import actions, page

__all__ = ["actions", "page"]
