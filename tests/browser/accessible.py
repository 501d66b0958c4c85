"""What axe-core finds on a page of ours, without what Django's own pages have as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EVERYTHING = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
COLOURS = {  # all that is another in the dark
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"
LOOKS = [
    (scheme, {"width": width, "height": 900}, rules)
    for scheme, rules in (("light", EVERYTHING), ("dark", COLOURS))
    for width in (1280, 390)
]

# Parts of the admin that Django draws, on our pages as on its own. Nothing in them is excused for
# that alone: only the rules that a page of Django's breaks there in the same browser.
DJANGOS = (
    "#changelist-search",
    "#changelist-filter",
    ".inline-group",
)

Rule = tuple[str, str]  # what is broken, in which of DJANGOS; "" for ours


@dataclass(frozen=True, kw_only=True)
class Violation:
    rule: Rule
    look: str
    html: str
    why: str

    def __str__(self) -> str:
        return f"{self.look}: {self.rule[0]} in {self.html}: {self.why}"


def violations(page: Page, within: str | None = None) -> Iterator[Violation]:
    """Of the page that is open, light and dark, on a desk and on a telephone.

    :param within: look only there; whatever else is on the page is somebody else's.
    """
    page.add_style_tag(content=STILL)  # else colours are measured on their way
    page.evaluate(AXE_SCRIPT)
    for scheme, size, rules in LOOKS:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found = page.evaluate(
            "([within, options]) => axe.run(within || document, options)", [within, rules]
        )
        for each in found["violations"]:
            for node in each["nodes"]:
                yield _violation(page, each["id"], node, f"{scheme} {size['width']}")


def _violation(page: Page, rule: str, node: Mapping[str, Any], look: str) -> Violation:
    part = page.eval_on_selector(
        node["target"][-1], "(one, parts) => parts.find(part => one.closest(part)) || ''", DJANGOS
    )
    checks = [*node["any"], *node["all"], *node["none"]]
    return Violation(
        rule=(rule, part),
        look=look,
        html=node["html"][:120],
        why="; ".join(check["message"] for check in checks)[:160],
    )


def ours(
    page: Page, open_page: Callable[[str], object], addresses: Mapping[str, str],
    excused: Collection[Rule],
) -> list[str]:  # fmt: skip
    """What is wrong with these pages, but for what Django's own have as well."""
    told = []
    for name, address in addresses.items():
        open_page(address)
        told += [f"{name}, {one}" for one in violations(page) if one.rule not in excused]
    return told
