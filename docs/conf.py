"""Sphinx, with Markdown by MyST. Built by ``make docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox_project.settings")
django.setup()

from esputnik_connector import __version__  # noqa: E402  after the settings

project = "django-esputnik-connector"
author = "The esputnik_connector authors"
copyright = "2026, The esputnik_connector authors"  # noqa: A001  the name is Sphinx's
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nitpicky = True
# Types that autodoc names and no page of ours describes.
nitpick_ignore_regex = [("py:.*", ".*")]

# Addresses of the reader's own machine and shop; make linkcheck EXTERNAL=1 asks all others.
linkcheck_ignore = [r"http://127\.0\.0\.1", r"https?://[\w.]*\.example"]

html_theme = "furo"
html_title = f"django-esputnik-connector {release}"
