{# The schema that a model's configuration names, as written: dbt's own macro would make `main_marts` of `marts`. #}
{% macro schema_as_written(custom_schema_name) -%}
{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
