"""The calendar of working days: rows by decree, to look at; `import_work_calendar` enters them."""

from typing import ClassVar

from django.contrib import admin

from core.screens.base import ReadOnlyAdmin
from financing.models import WorkCalendarYear


@admin.register(WorkCalendarYear)
class WorkCalendarYearAdmin(ReadOnlyAdmin):
    """Years without a row follow the law alone."""

    list_display: ClassVar = ["year", "source", "created_at", "withdrawn_at"]
    list_filter: ClassVar = [("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields: ClassVar = ["source"]
    ordering: ClassVar = ["-year", "-id"]
