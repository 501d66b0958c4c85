"""The entries that lead to pages of admin classes; a page of ours registers itself where it is."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .pages import APP, Group, Page, register


def _looks(model: str) -> tuple[str, str]:
    """Who may look at a table: who may change it may look too, as everywhere in the admin."""
    return f"{APP}.view_{model}", f"{APP}.change_{model}"


def _table(name: str, model: str, title: object, rank: int, group: Group, *others: str) -> Page:
    return Page(
        name=name,
        title=title,
        permission=(*_looks(model), *others),
        target=f"{APP}_{model}_changelist",
        group=group,
        rank=rank,
    )


IMPORTERS = (f"{APP}.change_connection", f"{APP}.operate")

register(
    _table("import", "backfill", _("Import"), 40, Group.MENU, *IMPORTERS),
    _table("feeds", "feed", _("Feeds"), 50, Group.MENU),
    _table("settings", "connection", _("Settings"), 0, Group.SETTINGS),
    _table("waiting", "outboxmessage", _("Waiting to be sent"), 110, Group.ENGINEERS),
    _table("attempts", "attempt", _("Log of sending"), 120, Group.ENGINEERS),
    _table("delivered", "syncstate", _("What eSputnik has"), 130, Group.ENGINEERS),
    _table("lanes", "lane", _("Lanes"), 140, Group.ENGINEERS),
    _table("bans", "tombstone", _("Deleted customers (never sent again)"), 150, Group.ENGINEERS),
    _table("builds", "feedbuild", _("Builds of feeds"), 160, Group.ENGINEERS),
    _table("feed_problems", "feedproblem", _("Problems of feeds"), 170, Group.ENGINEERS),
)
