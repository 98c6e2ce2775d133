"""Screens of the tree of categories: its names, VAT and marking, and the attributes of its products."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline

from catalog import services
from catalog.admin.base import ServiceAdmin
from catalog.models import Attribute, Category
from catalog.services.categories import CategoryChanges
from core.screens.labels import display


class AttributeForm(forms.ModelForm):
    """An attribute; what products have under its key and kind stays what it was."""

    class Meta:
        model = Attribute
        fields = ("key", "label", "kind", "unit", "choices", "is_required")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance._state.adding and {"key", "kind"} & set(self.changed_data):
            raise ValidationError(_("Key and kind never change: delete the attribute and add another."))
        return cleaned


class AttributeInline(TabularInline):
    """Attributes that describe products of the category, and of those below it."""

    model = Attribute
    form = AttributeForm
    extra = 0
    fields = ["key", "label", "kind", "unit", "choices", "is_required"]


@admin.register(Category)
class CategoryAdmin(ServiceAdmin):
    """The tree, in its order."""

    list_display = ["indented_name", "path", "level", "taxed_as", "taxed_ground", "marked_as"]
    search_fields = ["name__icontains", "path__icontains"]
    ordering = ["path"]
    fields = [
        "name", "slug", "parent", "vat_kind", "vat_ground", "marking", "path", "level", "taxed_as", "taxed_ground",
        "marked_as",
    ]  # fmt: skip
    readonly_fields = ["path", "level", "taxed_as", "taxed_ground", "marked_as"]
    autocomplete_fields = ["parent"]
    inlines = [AttributeInline]

    @display(description=gettext_lazy("name"), ordering="path")
    def indented_name(self, category: Category) -> str:
        return "— " * category.level + category.name

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        now, expected = timezone.now(), frozenset({obj.version})
        fields = CategoryChanges(
            name=obj.name, slug=obj.slug, parent_id=obj.parent_id, vat_kind=obj.vat_kind, vat_ground=obj.vat_ground,
            marking=obj.marking,
        )  # fmt: skip
        if change:
            services.update_category(category_id=obj.pk, expected_version=expected, now=now, **fields)
        else:
            obj.pk = services.create_category(now=now, **fields).pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Attributes are written by their services, like everything else."""
        changed, now, category_id = formset.save(commit=False), timezone.now(), form.instance.pk
        for attribute in formset.deleted_objects:
            services.delete_attribute(category_id=category_id, attribute_id=attribute.pk, now=now)
        for attribute in changed:
            fields = {name: getattr(attribute, name) for name in ("label", "unit", "choices", "is_required")}
            if attribute._state.adding:
                services.create_attribute(
                    category_id=category_id, key=attribute.key, kind=attribute.kind, now=now, **fields
                )
            else:
                services.update_attribute(category_id=category_id, attribute_id=attribute.pk, now=now, **fields)

    def delete_model(self, request: HttpRequest, obj: Category) -> None:
        services.delete_category(category_id=obj.pk)
