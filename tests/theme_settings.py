"""The sandbox shop with the theme of the admin that ``ADMIN_THEME`` names: for ``make themes``."""

import os

from tests.settings import *  # noqa: F403

THEME = os.environ["ADMIN_THEME"]  # the module of the theme, such as "unfold"
INSTALLED_APPS = [THEME, *INSTALLED_APPS]  # noqa: F405  above the admin, as each theme asks
TEMPLATES[0]["OPTIONS"]["context_processors"].append(  # noqa: F405  grappelli looks for the request
    "django.template.context_processors.static"
)
ROOT_URLCONF = "tests.theme_urls"
