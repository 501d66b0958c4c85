"""A list of ours is called by what it shows, in the reader's language."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.urls import reverse

OURS = [model for model in admin.site._registry if model._meta.app_label == "esputnik_connector"]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_a_list_has_no_sentence_that_would_have_to_be_inflected(admin_client, model):
    url = reverse(f"admin:esputnik_connector_{model._meta.model_name}_changelist")
    page = admin_client.get(url, headers={"Accept-Language": "uk"}).content.decode()
    (title,) = re.findall(r"<h1>(.*?)</h1>", page)
    assert "Вибрати" not in title
    assert "Вибрати" not in re.findall(r"<title>(.*?)</title>", page, re.DOTALL)[0]
