"""Settings of the web server that not every version of gunicorn knows."""

from gunicorn.config import KNOWN_SETTINGS

if any(setting.name == "control_socket_disable" for setting in KNOWN_SETTINGS):
    control_socket_disable = True  # it would write into the home directory
