"""The Celery application of the shop; worker and beat are started with ``-A sandbox_project``."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox_project.settings")

app = Celery("sandbox_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
