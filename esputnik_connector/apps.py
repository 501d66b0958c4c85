"""Wiring: the shop reports to capture, capture writes the outbox and wakes the relay."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EsputnikConnectorConfig(AppConfig):
    name = "esputnik_connector"
    label = "esputnik_connector"
    verbose_name = _("eSputnik")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  registers itself
        from .event_types import register
        from .pipeline.capture import capture
        from .pipeline.events.types import EVENT_TYPES
        from .registry import shop

        for event_type in EVENT_TYPES:
            register(event_type)
        shop().connect(capture)
