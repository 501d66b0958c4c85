"""A browser without windows: pages, forms and cookies over ``requests``. No JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

PATIENCE = 30  # seconds for one page


class BrowserError(Exception):
    """A page was not what a shopper should have met."""


@dataclass
class Form:
    """A form as it stands on the page, filled with what it was served with."""

    action: str
    method: str
    id: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def filled(self, **answers: str) -> Form:
        """The form with answers; a name that the form lacks is a mistake of the caller."""
        if unknown := answers.keys() - self.fields.keys():
            raise BrowserError(f"{self.action} has no field {sorted(unknown)}")
        return Form(self.action, self.method, self.id, {**self.fields, **answers})


@dataclass(frozen=True)
class Page:
    url: str
    status: int
    html: str
    forms: tuple[Form, ...]

    def form(self, *, id: str = "", action: str = "", having: str = "", value: str = "") -> Form:  # noqa: A002
        """The first form with this id, action ending, or field (and value of it)."""
        for form in self.forms:
            if (
                (not id or form.id == id)
                and (not action or form.action.endswith(action))
                and (not having or having in form.fields)
                and (not value or form.fields.get(having) == value)
            ):
                return form
        raise BrowserError(f"no form {id or action or having} {value} on {self.url}")


class Browser:
    """One visitor: their cookies, and where they are."""

    def __init__(self, shop_url: str, *, language: str = "en") -> None:
        self.root = f"{shop_url.rstrip('/')}/{language}/"
        self.session = requests.Session()
        self.session.trust_env = False  # loopback never goes through a proxy
        self.session.headers["User-Agent"] = "Mozilla/5.0 (sandbox journey)"

    def get(self, path: str) -> Page:
        return self._page(self.session.get(urljoin(self.root, path), timeout=PATIENCE))

    def submit(self, page: Page, form: Form, *, button: tuple[str, str] | None = None) -> Page:
        fields = dict(form.fields) | (dict([button]) if button else {})
        answer = self.session.request(
            form.method,
            urljoin(page.url, form.action),
            data=fields if form.method == "POST" else None,
            params=None if form.method == "POST" else fields,
            headers={"Referer": page.url},
            timeout=PATIENCE,
        )
        return self._page(answer)

    def _page(self, answer: requests.Response) -> Page:
        if answer.status_code >= 400:
            raise BrowserError(f"{answer.status_code} from {answer.url}")
        reader = FormReader()
        reader.feed(answer.text)
        return Page(answer.url, answer.status_code, answer.text, tuple(reader.forms))


class FormReader(HTMLParser):
    """Collects the forms of a page with the values that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = given.get("method", "get").upper()
            self._form = Form(given.get("action", ""), method, given.get("id", ""))
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and given.get("name"):
            self._read_input(given, dict(attrs))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "textarea":
            self._textarea = given.get("name", "")
            self._form.fields[self._textarea] = ""
        elif tag == "option" and self._select:
            self._read_option(given)

    def _read_option(self, given: dict[str, str]) -> None:
        assert self._form is not None
        if "selected" in given or self._select not in self._form.fields:
            self._form.fields[self._select] = given.get("value", "")

    def _read_input(self, given: dict[str, str], attrs: dict[str, str | None]) -> None:
        assert self._form is not None
        kind = given.get("type", "text").lower()
        if kind in {"checkbox", "radio"} and "checked" not in attrs:
            return
        if kind not in {"submit", "button", "file", "image"}:
            default = "on" if kind == "checkbox" else ""
            self._form.fields[given["name"]] = given.get("value", default)

    def handle_data(self, text: str) -> None:
        if self._form is not None and self._textarea:
            self._form.fields[self._textarea] += text

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""
