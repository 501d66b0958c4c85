"""Short cuts to addresses say what Django and the storage say."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import override_settings
from django.urls import include, path, re_path
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from esputnik_connector.shops.oscar.catalogue import pages, pictures
from esputnik_connector.shops.oscar.catalogue.cards import absolute, file_url, page_path

BASE = "https://shop.example"
catalogue = ([path("<slug:product_slug>_<int:pk>/", lambda: None, name="detail")], "catalogue")
short = (
    [re_path(r"^(?P<product_slug>[a-z]{1,20})-(?P<pk>\d{1,12})$", lambda: None, name="detail")],
    "catalogue",
)
by_number = ([path("<int:pk>/<slug:product_slug>", lambda: None, name="detail")], "catalogue")


def urls(module):
    """A ``ROOT_URLCONF`` with these addresses, or with none."""
    made = ModuleType("urls")
    made.urlpatterns = [path("c/", include(module))] if module else []
    return made


slugs = st.text(st.sampled_from("abcXYZ019_-")) | st.text(max_size=20)


@given(slug=slugs, number=st.integers(1, 10**11), language=st.sampled_from(["en", "uk"]))
@settings(deadline=None)  # the first of a process reads all addresses of the shop
def test_a_page_is_where_reverse_says(slug, number, language):
    with translation.override(language):
        found = pages.Pages(BASE)
        assert found._pattern  # Oscar's own addresses are known
        said = absolute(page_path({"pk": number, "slug": slug}), BASE)
        assert found.address(SimpleNamespace(pk=number, slug=slug)) == said


@pytest.mark.parametrize(
    ("module", "is_known"), [(catalogue, True), (short, False), (by_number, False)]
)
def test_addresses_that_not_every_slug_fits_are_asked_for_each(module, is_known):
    with override_settings(ROOT_URLCONF=urls(module)):
        found = pages.Pages(BASE)
        assert bool(found._pattern) is is_known
        for slug in ("shirt", "a-rather-long-slug-of-the-shop", "Ж"):
            said = absolute(page_path({"pk": 7, "slug": slug}), BASE)
            assert found.address(SimpleNamespace(pk=7, slug=slug)) == said


def test_a_shop_without_product_pages_has_no_addresses():
    with override_settings(ROOT_URLCONF=urls(None)):
        assert pages.Pages(BASE).address(SimpleNamespace(pk=1, slug="a")) == ""


names = st.lists(
    st.text(st.sampled_from("abcXYZ019_-.~ %'()#?é"), min_size=1) | st.sampled_from([".", ".."]),
    min_size=1,
    max_size=4,
).map("/".join)


@given(name=names, media=st.sampled_from(["/media/", "https://cdn.example/m/", "/a b/"]))
def test_a_picture_is_where_its_storage_says(name, media):
    storage = FileSystemStorage(location="/nowhere", base_url=media)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "image_storage", lambda: storage)
        patch.setattr(pictures.os.path, "exists", lambda _path: True)
        shown = pictures.Pictures(BASE, asks_remote=False).of([name])
        assert shown.urls == tuple(filter(None, [absolute(file_url(storage, name), BASE)]))
        assert shown.missing == ()


def test_a_storage_that_makes_its_own_addresses_is_asked(monkeypatch):
    class Signed(FileSystemStorage):
        def url(self, name):
            return f"https://cdn.example/{name}?signature=1"

    monkeypatch.setattr(pictures, "image_storage", lambda: Signed(location="/nowhere"))
    shown = pictures.Pictures(BASE, asks_remote=False).of(["a.jpg"])
    assert shown.urls == ("https://cdn.example/a.jpg?signature=1",)
