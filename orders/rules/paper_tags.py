"""Name the only tags that a template of papers may hold: `if` and `for`, as Django has them; and no filter at all."""

from django.template import Library
from django.template.defaulttags import do_for, do_if

register = Library()
register.tag("if", do_if)
register.tag("for", do_for)
