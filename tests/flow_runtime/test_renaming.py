"""A renamed variable is renamed where it is read, and nowhere else."""

import pytest

from flow_runtime.renaming import renamed_in_expression, renamed_in_path, renamed_in_text

TEXTS = [
    ("Hi {{ city }}, city", "Hi {{ town }}, city"),
    ("{{city}}{{ city.name }}", "{{town}}{{ town.name }}"),
    ("{{ order.city }} {{ order['city'] }}", "{{ order.city }} {{ order['city'] }}"),
    ("{{ 'city' ~ city ~ \"city\" }}", "{{ 'city' ~ town ~ \"city\" }}"),
    ("{{ name | city }} {{ city | upper }}", "{{ name | city }} {{ town | upper }}"),
    ("{{ joined(city=city) }}", "{{ joined(city=town) }}"),
    ("{{ city == 'x' }} {{ cities }} {{ city2 }}", "{{ town == 'x' }} {{ cities }} {{ city2 }}"),
    ("{% if city is city %}{{ not city }}{% endif %}", "{% if town is city %}{{ not town }}{% endif %}"),
    ("{{- city -}}  \r\n {{ '}}' ~ city }}", "{{- town -}}  \r\n {{ '}}' ~ town }}"),
    ("{# city #} { city } {{ list[city] }}", "{# city #} { city } {{ list[town] }}"),
    ("{{ (city) }} {{ [city, 1city] }}", "{{ (town) }} {{ [town, 1city] }}"),
]


@pytest.mark.parametrize(("before", "after"), TEXTS)
def test_a_text(before: str, after: str) -> None:
    assert renamed_in_text(before, "city", "town") == after


def test_an_expression_and_a_path() -> None:
    assert renamed_in_expression("city.name ~ other.city", "city", "town") == "town.name ~ other.city"
    assert [renamed_in_path(path, "city", "town") for path in ("city", "city.name", "order.city", "cities")] == [
        "town",
        "town.name",
        "order.city",
        "cities",
    ]
