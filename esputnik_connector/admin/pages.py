"""Pages of our own inside Django's admin, and the menu that leads to them.

A :class:`Page` is registered by whoever writes it. Every site on which the connector's admin
classes are registered then serves it, and shows the menu instead of an alphabetical list of tables:
see ``docs/explanation/decisions/040-the-merchants-menu.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, path, reverse

from esputnik_connector.identity import TEXT_LENGTH
from esputnik_connector.models.permissions import Right

APP = "esputnik_connector"

PageView = Callable[..., HttpResponse]


class Group(str, Enum):
    """Where the menu has an entry."""

    MENU = "menu"  # the five of the merchant
    SETTINGS = "settings"  # behind the gear
    ENGINEERS = "engineers"  # folded away
    NONE = ""  # reached by a link only


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, or an entry that leads to a page which a model's admin class has.

    ``path`` is below ``esputnik_connector/`` in the admin, with Django's own converters, and the
    address is ``admin:esputnik_connector_<name>``. ``view(request, context, **parts of the path)``
    gets a context for ``admin/esputnik_connector/page.html``; nobody comes there who has none of
    ``permission``. ``target`` is the address of an entry without a view. ``count`` is shown behind
    the title, ``0`` is not; it must be cheap, for it is asked on every page of ours.
    """

    name: str
    title: Any  # translatable
    permission: str | tuple[str, ...]
    path: str = ""
    view: PageView | None = None
    group: Group = Group.NONE
    rank: int = 100  # the menu is ordered by it
    target: str = ""
    count: Callable[[], int] | None = None

    @property
    def url_name(self) -> str:
        return self.target or f"{APP}_{self.name}"

    def is_open_to(self, user: Any) -> bool:
        asked = (self.permission,) if isinstance(self.permission, str) else self.permission
        return any(user.has_perm(each) for each in asked)


def linked(name: str, title: Any, path: str, view: PageView, *rights: Right) -> Page:
    """A page that no menu has, for those who have any of the rights."""
    permission = tuple(right.permission for right in rights)
    return Page(name=name, title=title, permission=permission, path=path, view=view)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page as the menu of one reader shows it."""

    page: Page
    url: str
    is_current: bool
    count: int = 0


_pages: dict[str, Page] = {}


def register(*new: Page) -> None:
    """Add pages; one of the same name takes the place of the former."""
    _pages.update({page.name: page for page in new})


def pages(*groups: Group) -> list[Page]:
    """All, or those of some groups, as the menu has them."""
    found = [page for page in _pages.values() if not groups or page.group in groups]
    return sorted(found, key=lambda page: page.rank)


def url_of(name: str, request: HttpRequest, **parts: object) -> str:
    """Address of a page on the admin site that is being looked at."""
    return reverse(f"admin:{_pages[name].url_name}", kwargs=parts, current_app=site_name(request))


def link_to(name: str, request: HttpRequest, **parts: object) -> str:
    """Address of a page for whoever may open it; ``""`` for others, and where there is no such."""
    page = _pages.get(name)
    if page is None or not page.is_open_to(request.user):
        return ""
    try:
        return url_of(name, request, **parts)
    except NoReverseMatch:  # a shop need not have all our tables on its site
        return ""


def site_name(request: HttpRequest) -> str | None:
    """Of the admin site that is being looked at; Django notes it when a page is shown."""
    match = request.resolver_match
    return getattr(request, "current_app", None) or (match.namespace if match else None)


def menu(request: HttpRequest, group: Group = Group.MENU, *, counted: bool = True) -> list[Entry]:
    """What this person may open.

    :param counted: ask how many each has; else no query is made.
    """
    found = (_entry(page, request, counted=counted) for page in pages(group))
    return [entry for entry in found if entry is not None]


def _entry(page: Page, request: HttpRequest, *, counted: bool) -> Entry | None:
    if not page.is_open_to(request.user):
        return None
    try:
        url = url_of(page.name, request)
    except NoReverseMatch:  # a shop need not have all our tables on its site
        return None
    return Entry(
        page=page,
        url=url,
        is_current=request.path.startswith(url),  # also on the pages below it
        count=page.count() if counted and page.count is not None else 0,
    )


_served: list[Callable[[AdminSite], None]] = []


def when_served(act: Callable[[AdminSite], None]) -> None:
    """Call ``act`` with every site that serves our pages, as its addresses are made: by then all
    classes are registered that will ever be shown."""
    _served.append(act)


# --- on a site of the admin -----------------------------------------------------------------------


def attach(site: AdminSite) -> None:
    """Serve the pages on a site, and show the menu there. Whatever class the site has: what it
    does itself is done first."""
    if getattr(site, "has_esputnik_pages", False):
        return
    get_urls, get_app_list, index = site.get_urls, site.get_app_list, site.index
    own_index = site.index_template or "admin/index.html"

    @wraps(get_urls)
    def urls_with_pages() -> list[Any]:
        for act in _served:
            act(site)
        return [*_patterns(site), *get_urls()]

    @wraps(get_app_list)
    def app_list_with_menu(request: HttpRequest, *args: Any, **kwargs: Any) -> list[Any]:
        return [_with_menu(app, request) for app in get_app_list(request, *args, **kwargs)]

    @wraps(index)
    def index_with_badge(
        request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return index(request, {**(extra_context or {}), "esputnik_index": own_index})

    # On the object, not the class: another site in the same process may know nothing of us.
    for name, value in (
        ("get_urls", urls_with_pages),
        ("get_app_list", app_list_with_menu),
        ("index", index_with_badge),
        ("index_template", "admin/esputnik_connector/index.html"),
        ("has_esputnik_pages", True),
    ):
        setattr(site, name, value)


def _patterns(site: AdminSite) -> Iterable[URLPattern]:
    yield path(f"{APP}/", site.admin_view(_index_of(site)), name=f"{APP}_index")
    for page in pages():
        if page.view is not None:
            yield path(
                f"{APP}/{page.path}", site.admin_view(_opening(page, site)), name=page.url_name
            )


def _index_of(site: AdminSite) -> PageView:
    """The app's own address, where Django lists its tables: the first page that one may open."""

    def view(request: HttpRequest) -> HttpResponse:
        entries = menu(request, counted=False)
        return redirect(entries[0].url) if entries else site.app_index(request, APP)

    return view


def _opening(page: Page, site: AdminSite) -> PageView:
    assert page.view is not None  # an entry without one has no address of ours

    @wraps(page.view)  # which may be marked as one that waits for HTTP, outside a transaction
    def view(request: HttpRequest, **parts: Any) -> HttpResponse:
        if not page.is_open_to(request.user):
            raise PermissionDenied
        if any(isinstance(part, str) and not _may_be_key(part) for part in parts.values()):
            raise Http404
        request.current_app = site.name  # as Django's own views do
        context = {**site.each_context(request), "title": page.title, "page": page}
        return page.view(request, context, **parts)  # type: ignore[misc]

    return view


def _may_be_key(part: str) -> bool:
    """Can anything be called so? No database holds a NUL, and ours no longer key."""
    return "\0" not in part and len(part) <= TEXT_LENGTH


def _with_menu(app: Mapping[str, Any], request: HttpRequest) -> dict[str, Any]:
    """The app as a site lists it, with our entries in the place of its tables."""
    settings = menu(request, Group.SETTINGS, counted=False)[:1]  # its other pages are on top of it
    entries = [*menu(request, counted=False), *settings]
    if app.get("app_label") != APP or not entries or not app["models"]:
        return dict(app)
    some_model = app["models"][0].get("model")  # themes look for one
    listed = [
        {
            "model": some_model,
            "name": str(entry.page.title),
            "object_name": entry.page.name,
            "perms": {"add": False, "change": False, "delete": False, "view": True},
            "admin_url": entry.url,
            "add_url": None,
            "view_only": True,
        }
        for entry in entries
    ]
    return {**app, "models": listed}
