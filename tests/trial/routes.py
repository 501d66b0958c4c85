"""Which pages are followed, and what a person does by hand where they say so."""

from __future__ import annotations

from dataclasses import dataclass

from .shop import TUTORIAL


@dataclass(frozen=True, kw_only=True)
class Route:
    page: str
    section: str = ""
    by_hand: dict[str, str]  # sentence of the page → method of the trial
    is_for_a_shop: bool = True  # that runs already; the trial makes it first


ROUTES = {
    "readme": Route(
        page="README.md",
        section="Into an existing shop",
        by_hand={"In the admin open **eSputnik": "connect", "Step by step": "order"},
    ),
    "quickstart": Route(
        page="docs/quickstart.md",
        by_hand={
            "2. In the shop's admin, open **eSputnik": "connect",
            "Change the name of a customer": "see",
            "## Next": "order",
        },
    ),
    "tutorial": Route(
        page=TUTORIAL,
        is_for_a_shop=False,
        by_hand={
            "Open <http://127.0.0.1:8000/admin/>": "connect",
            "Behind the gear, on **Fields**": "map",
            "Now be a customer.": "order",
            "and field `10003` says `240.00`": "spent",
            "Still as Taras, put the mug": "abandon",
            "Stop the fake, rename Taras": "wait_out_an_outage",
        },
    ),
}
