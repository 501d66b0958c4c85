"""Wiring: the shop reports to capture, capture writes the outbox and wakes the relay."""

from logging import getLogger

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from .exceptions import NotInstalledError

logger = getLogger(__name__)


class EsputnikConnectorConfig(AppConfig):
    name = "esputnik_connector"
    label = "esputnik_connector"
    verbose_name = _("eSputnik")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the connector's own event types and connect the shop.

        :raises ConfigurationError: the shop's adapter cannot be made. A project that lacks a
            library which its adapter needs starts all the same: it can have no such shop, and its
            system checks name the library.
        """
        from . import checks  # noqa: F401  registers itself
        from .event_types import register
        from .pipeline.capture import capture
        from .pipeline.events.types import EVENT_TYPES
        from .registry import shop

        for event_type in EVENT_TYPES:
            register(event_type)
        try:
            adapter = shop()
        except NotInstalledError as error:
            logger.error("%s", error)
            return
        adapter.connect(capture)
