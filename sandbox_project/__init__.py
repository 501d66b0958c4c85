"""An Oscar shop with the connector installed: for the demo, the sandbox and a look at the whole."""

from .celery import app as celery_app

__all__ = ["celery_app"]
