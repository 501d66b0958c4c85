"""How a build differs from what was served, item by item, with links to the products."""

from __future__ import annotations

from django.template.loader import render_to_string

from esputnik_connector import registry
from esputnik_connector.feed.changes import LABELS, Change, Changes, change_text, from_json
from esputnik_connector.models import FeedBuild
from esputnik_connector.shops.base import SupportsStaffLinks

TEMPLATE = "admin/esputnik_connector/feedbuild/changes.html"


def changes_html(build: FeedBuild) -> str:
    """HTML of a list; what would be removed is open, the rest one click away."""
    changes = None if build.changes is None else from_json(build.changes)
    parts = [_part(changes, change) for change in Change if changes and changes.counts[change]]
    return render_to_string(TEMPLATE, {"is_known": changes is not None, "parts": parts})


def staff_page(key: str) -> str:
    """Path of the page where staff edits a product; ``""`` where the shop has none."""
    shop = registry.shop()
    return shop.product_page_for_staff(key) if isinstance(shop, SupportsStaffLinks) else ""


def _part(changes: Changes, change: Change) -> dict[str, object]:
    count, examples = changes.counts[change], changes.examples[change]
    return {
        "label": LABELS[change],
        "count": count,
        "more": count - len(examples),
        "is_open": change is Change.REMOVED,
        "examples": [
            {
                "key": one.key,
                "title": one.title,
                "page": staff_page(one.key),
                "detail": change_text(change, one),
            }
            for one in examples
        ],
    }
