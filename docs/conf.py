"""Sphinx, with Markdown by MyST. Built by ``make docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from esputnik_connector import __version__

project = "django-esputnik-connector"
author = "The esputnik_connector authors"
copyright = "2026, The esputnik_connector authors"  # noqa: A001  the name is Sphinx's
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = f"django-esputnik-connector {release}"
