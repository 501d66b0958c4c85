"""Wiring: the shop reports to capture, capture writes the outbox and wakes the relay."""

from logging import getLogger

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

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
        from .exceptions import ConfigurationError
        from .pipeline import after_answer
        from .pipeline.capture import capture
        from .pipeline.erasure import tombstones  # noqa: F401  hears of deleted connections
        from .pipeline.events.types import EVENT_TYPES
        from .registry import shop

        for event_type in EVENT_TYPES:
            register(event_type)
        after_answer.connect()
        try:
            shop().connect(capture)
        except ConfigurationError as error:  # ``check`` must live to say it in its own words
            logger.critical("The shop is not connected, its changes are not noted: %s", error)
