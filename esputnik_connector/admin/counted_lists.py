"""Lists of a million rows: a page of them costs what a page costs, whatever lies behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from esputnik_connector.operations.health.backlog import MOST_COUNTED

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
    Pages = Paginator[Any]
else:
    Base, Pages = object, Paginator


def count_up_to(rows: QuerySet[Any]) -> int:
    """How many rows there are, up to one more than :data:`MOST_COUNTED`."""
    return rows.order_by().values("pk")[: MOST_COUNTED + 1].count()


class CountedPages(Pages):
    """Counts, and leads to, no more than :data:`MOST_COUNTED` rows: nobody turns to page 9,000, and
    to count a million takes longer than to show fifty."""

    @cached_property
    def count(self) -> int:
        return min(self._found, MOST_COUNTED)

    @cached_property
    def _found(self) -> int:
        return count_up_to(self.object_list)  # type: ignore[arg-type]

    @property
    def most_in_words(self) -> str:
        """How many are shown, where there are more; ``""`` where all are."""
        is_cut = self._found > MOST_COUNTED
        return number_format(MOST_COUNTED, force_grouping=True) if is_cut else ""


class CountedList(ChangeList):
    """Keeps the order that has an index, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Without what an old bookmark or a guess says of columns."""
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)


class CountedListMixin(Base):
    """In an order that has an index, and counted as far as anybody reads."""

    paginator = CountedPages
    show_full_result_count = False
    list_per_page = 50
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return CountedList

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """“Select all” means those that the list counted: no more than that in one request."""
        is_all = request.POST.get("select_across") == "1"
        if is_all and count_up_to(queryset) > MOST_COUNTED:
            text = _(
                "These are more than %(most)s records, too many for one action; nothing was done. "
                "Narrow the list by its filters first."
            )
            most = number_format(MOST_COUNTED, force_grouping=True)
            messages.error(request, text % {"most": most})
            return None
        return super().response_action(request, queryset, *args, **kwargs)
