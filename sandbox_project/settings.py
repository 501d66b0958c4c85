"""Settings of the sandbox shop. Everything that differs between machines comes from the environment
(or a ``.env`` file beside ``manage.py``); ``.env.example`` explains each name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import django
import environ
from django.utils.translation import gettext_lazy as _
from oscar.defaults import *  # noqa: F403

from esputnik_connector.celery_schedule import BEAT_SCHEDULE

from .development_keys import development_key

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / ".sandbox"
STATE_DIR.mkdir(exist_ok=True)

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Django ---------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=True)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# With DEBUG, keys are made on first use and kept in .sandbox/; without it they must be given.
SECRET_KEY = env(
    "SECRET_KEY", **({"default": development_key(STATE_DIR / "secret.key")} if DEBUG else {})
)
ENCRYPTION_KEYS = env.list(
    "ESPUTNIK_ENCRYPTION_KEYS",
    **({"default": [development_key(STATE_DIR / "encryption.key")]} if DEBUG else {}),
)

SHOP_URL = env("SHOP_URL", default="http://127.0.0.1:8000")
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")

ROOT_URLCONF = "sandbox_project.urls"
WSGI_APPLICATION = "sandbox_project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_ID = 1
LOGIN_REDIRECT_URL = "/"
APPEND_SLASH = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    "esputnik_connector",  # above Oscar, so that its dashboard has our badge
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "sandbox_project.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "sandbox_project.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "sandbox_project.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "haystack",
    "treebeard",
    "sorl.thumbnail",
    "django_tables2",
    "sandbox_project.shop",
]

# The forked apps change no model: they keep Oscar's migrations.
MIGRATION_MODULES = {
    "partner": "oscar.apps.partner.migrations",
    "shipping": "oscar.apps.shipping.migrations",
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "esputnik_connector.middleware.TrackingMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "sandbox_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ],
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# --- Memory ---------------------------------------------------------------------------------------

DATABASES = {
    "default": env.db_url(
        "DATABASE_URL", default=f"sqlite:///{quote(str(STATE_DIR / 'sandbox.sqlite3'))}"
    )
}
DATABASES["default"]["ATOMIC_REQUESTS"] = env.bool("ATOMIC_REQUESTS", default=False)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Web, worker and beat write to one file: wait for each other instead of failing at once.
    DATABASES["default"].setdefault("OPTIONS", {})["timeout"] = 20
    if django.VERSION >= (5, 1):
        DATABASES["default"]["OPTIONS"] |= {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }

HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "sandbox_project.shop.search.ShopSearchEngine"}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"  # no index to keep up
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="dummymail://")
vars().update(EMAIL_CONFIG)

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = DEBUG  # no collectstatic needed while developing
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_URL = "/media/"
MEDIA_ROOT = STATE_DIR / "media"

# --- Language, time and money ---------------------------------------------------------------------

LANGUAGE_CODE = env("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("uk", _("Ukrainian"))]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Kyiv"
PHONENUMBER_DEFAULT_REGION = "UA"

# --- Oscar ----------------------------------------------------------------------------------------

OSCAR_SHOP_NAME = "Kobzar"
OSCAR_SHOP_TAGLINE = "sandbox shop"
OSCAR_DEFAULT_CURRENCY = "UAH"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_SLUG_ALLOW_UNICODE = False

OSCAR_INITIAL_ORDER_STATUS = OSCAR_INITIAL_LINE_STATUS = "New"
OSCAR_ORDER_STATUS_PIPELINE = {
    "New": ("Paid", "Cancelled"),
    "Paid": ("Shipped", "Cancelled"),
    "Shipped": ("Delivered", "Returned"),
    "Delivered": ("Returned",),
    "Returned": (),
    "Cancelled": (),
}
OSCAR_LINE_STATUS_PIPELINE = OSCAR_ORDER_STATUS_PIPELINE
OSCAR_ORDER_STATUS_CASCADE = {status: status for status in OSCAR_ORDER_STATUS_PIPELINE}

# --- Celery ---------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A shopper never waits long for a broker that is away.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5}
CELERY_BEAT_SCHEDULE = {**BEAT_SCHEDULE}
# A demo and its tests do not wait for the full minute.
for _entry, _seconds in {
    "esputnik-sweep": env.float("ESPUTNIK_SWEEP_SECONDS", default=0),
    "esputnik-feeds": env.float("ESPUTNIK_FEEDS_SECONDS", default=0),
    "esputnik-watch": env.float("ESPUTNIK_WATCH_SECONDS", default=0),
}.items():
    if _seconds:
        CELERY_BEAT_SCHEDULE[_entry] = {**CELERY_BEAT_SCHEDULE[_entry], "schedule": _seconds}

# --- The connector --------------------------------------------------------------------------------

ESPUTNIK_CONNECTOR = {
    "SHOP": "esputnik_connector.shops.oscar.adapter.OscarShop",
    "DESTINATIONS": {
        "esputnik": {
            "BACKEND": "esputnik_connector.destinations.esputnik.destination.EsputnikDestination",
            "OPTIONS": {},
        }
    },
    "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
    "RATE_LIMIT_STORAGE": REDIS_URL,
    "SHOP_URL": SHOP_URL,
    "PLAIN_HTTP_HOSTS": ["fake"],  # the fake eSputnik of docker-compose.yml
    "ENVIRONMENT": env("ESPUTNIK_ENVIRONMENT", default=""),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="WARNING")},
    "loggers": {"esputnik_connector": {"level": env("CONNECTOR_LOG_LEVEL", default="INFO")}},
}
