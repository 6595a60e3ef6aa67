{#
    SQL of how many units (`second`, `day`, `week`) have fully passed between two times in UTC, to the microsecond:
    0.9 s is 0 seconds, 23:59:59.9 is 0 days. `date_diff`, and dbt's own `datediff`, count the borders between the two
    instead: the 0.2 s around midnight would be a second, and a day.
#}
{% macro full_units_between(unit, earlier, later) -%}
date_sub('{{ unit }}', {{ earlier }}, {{ later }})
{%- endmacro %}
