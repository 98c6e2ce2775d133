"""Paths under /contracts/; those of each contract stand in its own table."""

from django.urls import re_path

from contracts import views

urlpatterns = [
    re_path(r"^$", views.index, name="contracts"),
    re_path(r"^ids/(?P<kind>[a-z_]+)/(?P<given>[^/]+)/?$", views.ids, name="contract-ids"),
    re_path(r"^(?P<letter>[a-e])(?:/(?P<path>.*))?$", views.serve, name="contract"),
]
