"""A django-oscar shop. Needs the extra ``oscar``, and a project that has Oscar's settings."""

from importlib.util import find_spec

from django.conf import settings

from esputnik_connector.exceptions import NotInstalledError
from esputnik_connector.explanations import gettext as _

if find_spec("oscar") is None:
    raise NotInstalledError(
        _(
            "OscarShop needs django-oscar: run pip install 'django-esputnik-connector[oscar]', or "
            "name the adapter of your own shop in ESPUTNIK_CONNECTOR['SHOP']."
        )
    )
if not hasattr(settings, "OSCAR_DYNAMIC_CLASS_LOADER"):  # of oscar.defaults; Oscar's models ask it
    raise NotInstalledError(
        _(
            "OscarShop needs an Oscar project, and yours has no settings of Oscar: name the "
            "adapter of your own shop in ESPUTNIK_CONNECTOR['SHOP']."
        )
    )
