"""“Search”: one box, one answer page, what may be done about a record, and its panel elsewhere."""

from . import actions, page, panel, record

__all__ = ["actions", "page", "panel", "record"]
