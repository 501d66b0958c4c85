"""Catalogues in several languages. :class:`Translated` is a field in the manner of
django-modeltranslation; the rest is a table of texts in the manner of django-parler: a row per
object and language, a proxy that follows the active language with a fallback, and an
``AttributeError`` where there is neither. A real model with a real table, for as long as a test
takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, models
from django.utils import translation


class Translated:
    """A text field as django-modeltranslation makes one: it follows the active language."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, _owner: Any) -> Any:
        if instance is None:
            return self
        text = instance.__dict__[self.name]
        return f"{text} ({translation.get_language()})" if text else text

    def __set__(self, instance: Any, value: str) -> None:
        instance.__dict__[self.name] = value


class TranslationDoesNotExist(AttributeError, ObjectDoesNotExist):
    pass


class Proxy:
    """A translated field of the shared model."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, _owner: Any) -> Any:
        if instance is None:
            return self
        if instance.pk is None:
            return ""
        texts = {row.language_code: row for row in instance.translations.all()}
        for language in (translation.get_language(), settings.LANGUAGE_CODE):
            if language in texts:
                return getattr(texts[language], self.name)
        raise TranslationDoesNotExist(self.name)

    def __set__(self, _instance: Any, _value: str) -> None:
        """The column of the shared model holds nothing that counts."""


@contextmanager
def translated(model: Any, *names: str) -> Iterator[Any]:
    """``model`` with its fields ``names`` in another table; yields the model of that table."""
    fields: dict[str, Any] = {name: models.TextField(blank=True) for name in names}
    name = f"{model.__name__}Translation"
    made: Any = type(
        name,
        (models.Model,),
        {
            "__module__": model.__module__,
            "master": models.ForeignKey(model, models.CASCADE, related_name="translations"),
            "language_code": models.CharField(max_length=15),
            "Meta": type("Meta", (), {"app_label": model._meta.app_label}),
            **fields,
        },
    )
    try:
        with connection.schema_editor() as editor:
            editor.create_model(made)
        with pytest.MonkeyPatch.context() as patch:
            for one in names:
                patch.setattr(model, one, Proxy(one))
            yield made
    finally:
        del apps.all_models[model._meta.app_label][name.lower()]
        del model.translations
        apps.clear_cache()
