"""A django-oscar shop. Needs the extra ``oscar``."""

from importlib.util import find_spec

from django.utils.translation import gettext as _

from esputnik_connector.exceptions import NotInstalledError

if find_spec("oscar") is None:
    raise NotInstalledError(
        _(
            "OscarShop needs django-oscar: run pip install 'django-esputnik-connector[oscar]', or "
            "name the adapter of your own shop in ESPUTNIK_CONNECTOR['SHOP']."
        )
    )
