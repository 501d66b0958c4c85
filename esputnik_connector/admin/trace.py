"""A trace in the admin's log of what a person did about records."""

from __future__ import annotations

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

from esputnik_connector.models import Connection


def leave_trace(
    request: HttpRequest, connection: Connection | None, what: str, message: str
) -> None:
    """Who, when, what. A record is named by its key; its entry leads to the connection's page.

    :param connection: at which account; ``None`` for all of them.
    :param what: the record, as a title has it without the person's name.
    """
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(Connection),
        object_id=str(connection.pk) if connection is not None else None,
        object_repr=what[:200],
        action_flag=CHANGE,
        change_message=message,
    )
