"""A field in which a secret can be written, and never read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object


class WritesSecret(Base):
    """Mixed into an admin whose form has a ``write_only``: who may only look does not see it."""

    write_only = ""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        may_write = (
            self.has_add_permission(request)
            if obj is None
            else self.has_change_permission(request, obj)
        )
        shown = []
        for title, options in self.fieldsets or ():
            hidden = () if may_write else (self.write_only,)
            names = [name for name in options["fields"] if name not in hidden]
            shown.append((title, {**options, "fields": names}))
        return shown
