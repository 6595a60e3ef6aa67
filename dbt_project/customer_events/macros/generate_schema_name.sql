{% macro generate_schema_name(custom_schema_name, node) -%}
{{ penstock_shared.schema_as_written(custom_schema_name) }}
{%- endmacro %}
