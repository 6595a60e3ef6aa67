{#
    Score of a row by `value` among all rows, 1 to 5. The highest value has 5, whoever shares it and however few rows
    there are. Any other has 1, and 1 more for each full fifth of all rows that are lower. Equals share a score; no value
    at all is the lowest.
#}
{% macro score_in_fifths(value) -%}
case
    when rank() over (order by {{ value }} desc nulls last) = 1 then 5
    else 1 + (5 * (rank() over (order by {{ value }} asc nulls first) - 1)) // count(*) over ()
end::integer
{%- endmacro %}
