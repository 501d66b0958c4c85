"""The form of a product feed. Choices come from the shop; the password can be written, not read."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.admin.choices import (
    Choices,
    TableRowForm,
    UniqueColumnFormSet,
    offer_choice,
    offer_choices,
)
from esputnik_connector.models import Feed, FeedAttribute, FeedCategory
from esputnik_connector.shops.base import SupportsFeed


def category_choices() -> Choices:
    language = get_language() or settings.LANGUAGE_CODE
    shop = registry.shop()
    categories = shop.categories(language=language) if isinstance(shop, SupportsFeed) else ()
    return [(one.key, one.path) for one in categories]


def class_choices() -> Choices:
    shop = registry.shop()
    return shop.product_classes().items() if isinstance(shop, SupportsFeed) else ()


class FeedForm(forms.ModelForm):  # type: ignore[type-arg]
    new_password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Left empty, the present one stays."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    categories = forms.MultipleChoiceField(
        label=gettext_lazy("Only these categories"),
        required=False,
        help_text=gettext_lazy("With everything below them. None chosen: all."),
    )
    product_classes = forms.MultipleChoiceField(
        label=gettext_lazy("Only these product classes"),
        required=False,
        help_text=gettext_lazy("None chosen: all."),
    )

    class Meta:
        model = Feed
        exclude: ClassVar[list[str]] = ["auth_password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_choice(self, "language", lambda: settings.LANGUAGES, empty="")
        offer_choices(self, "categories", category_choices)
        offer_choices(self, "product_classes", class_choices)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_password = cleaned.get("new_password") or self.instance.auth_password
        if cleaned.get("auth_user") and not has_password:
            self.add_error("new_password", _("A user name needs a password."))
        if ":" in (cleaned.get("auth_user") or ""):
            self.add_error("auth_user", _("A user name cannot hold a colon."))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data.get("new_password"):
            self.instance.auth_password = self.cleaned_data["new_password"]
        return super().save(commit)


class FeedAttributeForm(TableRowForm):
    shop_column = "attribute"

    def read_choices(self) -> Choices:
        shop = registry.shop()
        attributes = shop.product_attributes() if isinstance(shop, SupportsFeed) else {}
        return [(name, f"{label} ({name})") for name, label in attributes.items()]


class FeedAttributeFormSet(UniqueColumnFormSet):
    unique_column = "field"
    repeated_message = gettext_lazy("“%(value)s” is in the table twice; keep one row of it.")


class FeedAttributeInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FeedAttribute
    form = FeedAttributeForm
    formset = FeedAttributeFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("product attributes (which of yours is the brand, the size)")


class FeedCategoryForm(TableRowForm):
    shop_column = "category"

    def read_choices(self) -> Choices:
        return category_choices()


class FeedCategoryFormSet(UniqueColumnFormSet):
    unique_column = "category"
    repeated_message = gettext_lazy("A category is in the table twice; keep one row of it.")


class FeedCategoryInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FeedCategory
    form = FeedCategoryForm
    formset = FeedCategoryFormSet
    extra = 0
    verbose_name_plural = gettext_lazy(
        "Google product categories (for a category and all below), if the feed uses them"
    )
