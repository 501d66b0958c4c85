"""The page of a feed in the admin, and who looks at it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse


def staff(*codenames, **traits):
    user = get_user_model().objects.create_user("staff", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def screen(feed, name="change", *args):
    return reverse(f"admin:esputnik_connector_feed_{name}", args=[feed.pk, *args])


def texts(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
