"""The language of document templates: a mistake is told with its line as the text is saved, and nothing runs code."""

import pytest
from django.template import Library

from core.errors import InvalidInput
from orders.models import PaperKind
from orders.rules import paper_tags
from orders.rules.paper_fields import FIELDS, LISTS, NEEDED, list_fields, make_sample
from orders.rules.paper_pages import print_paper, read_blocks, render_html
from orders.rules.paper_template import LONGEST_TEXT, check_template, fill_in
from orders.tests.pdf import extract_lines, extract_text

KIND = PaperKind.SALE_USED


def refused(text, kind=KIND):
    with pytest.raises(InvalidInput) as caught:
        check_template(kind, text)
    [error] = caught.value.errors
    line = caught.value.extra["line"]
    assert (error["field"], str(line) in error["detail"]) == ("text", True)
    return error["code"], line


@pytest.mark.parametrize(("text", "code", "line"), [
    ("# A\n{{ buyer.nmae }}", "unknown_field", 2),
    ("{{ buyer }}", "unknown_field", 1),
    ("{{ buyer.name|upper }}", "unknown_field", 1),
    ("{{ buyer.name.__class__ }}", "unknown_field", 1),
    ("{{ buyer.name.upper }}", "unknown_field", 1),
    ("{{ attorney.name }}", "unknown_field", 1),
    ("{{ line.name }}", "unknown_field", 1),
    ("a\n\n{{ buyer.name", "not_closed", 3),
    ("a\n{% if buyer.name %}b", "not_closed", 2),
    ("a\n{% if buyer.name\n%}b{% endif %}", "not_closed", 2),
    ("{% for line in lines %}{% if buyer.name %}{% endfor %}{% endif %}", "not_open", 1),
    ("a\nb\n{% endif %}", "not_open", 3),
    ("{% else %}", "not_open", 1),
    ("{% if buyer.name %}{% empty %}{% endif %}", "not_open", 1),
    ("{% for line in lines %}\n{% for more in lines %}{% endfor %}{% endfor %}", "nested_loop", 2),
    ("{% for letter in buyer.name %}{% endfor %}", "loop", 1),
    ("{% for a, b in lines %}{% endfor %}", "loop", 1),
    ("{% for line in lines reversed %}{% endfor %}", "loop", 1),
    ("\n{% if %}a{% endif %}", "condition", 2),
    ("\n{% if buyer.name and %}a{% endif %}", "condition", 2),
    ("{% if buyer.name > 1 %}a{% endif %}", "unknown_field", 1),
    ('{% include "/etc/passwd" %}', "unknown_tag", 1),
    ("\n{% load static %}", "unknown_tag", 2),
    ("{% debug %}", "unknown_tag", 1),
    ("{% if buyer.name %}" * 9 + "{% endif %}" * 9, "too_deep", 1),
    ("{{ buyer.name }}" * 1001, "too_many_tags", 1),
    ("я" * (LONGEST_TEXT + 1), "too_long", 1),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text, code, line):
    assert refused(text) == (code, line)


@pytest.mark.parametrize("tag", sorted({
    name for builtin in ("django.template.defaulttags", "django.template.loader_tags", "django.templatetags.i18n")
    for name in __import__(builtin, fromlist=["register"]).register.tags
} - {"if", "for"}))  # fmt: skip
def test_no_other_tag_of_django_is_known(tag):
    assert refused(f"{{% {tag} %}}") == ("unknown_tag", 1)


def test_the_engine_itself_knows_two_tags_and_no_filter():
    """Hold the second wall too: were the check passed by, nothing would be found to run."""
    assert isinstance(paper_tags.register, Library)
    assert (sorted(paper_tags.register.tags), paper_tags.register.filters) == (["for", "if"], {})


def test_it_fills_in_conditions_and_loops():
    text = (
        '{% if trade_in.name and trade_in.vin != "x" %}Обмен: {{ trade_in.name }}{% else %}Без обмена{% endif %}\n'
        "{% for line in lines %}| {{ forloop.counter }} | {{ line.name }} | {{ line.sum }} |\n{% endfor %}"
    )
    check_template(KIND, text)
    filled = fill_in(text, make_sample(KIND))
    assert filled.splitlines() == [
        "Обмен: Kia Rio",
        "| 1 | Lada Vesta SW Cross | 1 500 000,00 |",
        "| 2 | Коврики | 13 000,00 |",
        "| 3 | ОСАГО | 12 000,00 |",
    ]
    assert fill_in(text, make_sample(KIND) | {"lines": [], "trade_in": {}}).strip() == "Без обмена"


def test_a_value_makes_no_heading_row_or_second_line():
    facts = {"buyer": {"name": "# Title\n| a | b | <b>{{ seller.account }}</b>"}}
    [block] = read_blocks(fill_in("{{ buyer.name }}", facts))
    assert (block.kind, block.texts) == ("text", (" Title ¦ a ¦ b ¦ <b>{{ seller.account }}</b>".strip(),))


def test_markup_of_a_paper_is_drawn_and_that_of_html_is_not():
    text = "# Договор\n## 1. Предмет\nТекст <b>жирный</b> & так далее\n| a | b |\n| c |"
    shown = render_html(text)
    for part in ("<h1>Договор</h1>", "<h2>1. Предмет</h2>", "&lt;b&gt;жирный", "<td>a</td><td>b</td>"):
        assert part in shown
    pdf = print_paper(text, title="Договор", author="A", language="ru", appendix="# Протокол")
    assert pdf == print_paper(text, title="Договор", author="A", language="ru", appendix="# Протокол")
    said = extract_text(pdf)
    assert said.startswith("Договор 1. Предмет Текст < b > жирный < /b > & так далее")
    assert said.endswith("Протокол")


def test_a_paper_that_grows_too_long_is_refused():
    text = "{% for line in lines %}" + "x" * 2_000 + "{{ line.name }}{% endfor %}"
    check_template(KIND, text)
    with pytest.raises(InvalidInput):
        fill_in(text, {"lines": [{"name": "a"}] * 200})


@pytest.mark.parametrize("kind", PaperKind)
def test_every_field_of_a_kind_may_be_named_and_has_a_sample(kind):
    text = "".join(f"{{{{ {item.path} }}}}\n" for item in list_fields(kind))
    check_template(kind, text)
    assert all(line for line in fill_in(text, make_sample(kind)).splitlines())
    assert {item.path for item in list_fields(kind)} >= set(NEEDED[kind])


def test_fields_are_named_once():
    paths = [item.path for item in FIELDS]
    assert len(paths) == len(set(paths))
    assert not {path.partition(".")[0] for path in paths} & set(LISTS)


def test_neither_words_nor_sums_are_broken_where_a_page_has_room():
    heading = "| № | Наименование | Кол-во | Цена по прайс-листу, RUB | Цена, RUB | НДС | Сумма, RUB |"
    row = (
        "| 1 | Lada Vesta SW Cross, VIN XTAGFK330PY000001 | 1 | 1 549 999,99 | 1 500 000,00 | 22%: 270 491,80 | 9,00 |"
    )
    pdf = print_paper(f"{heading}\n{row}", title="T", author="A", language="ru")
    lines = [" ".join(line.split()) for line in extract_lines(pdf)]
    assert {"Кол-во", "XTAGFK330PY000001", "1 549 999,99", "1 500 000,00", "270 491,80"} <= set(lines)
