{# What every mart counts in the same way: events by type, and revenue in USD. #}
{% macro event_counts() -%}
count(*) as events,
count(*) filter (where event_type = 'view') as views,
count(*) filter (where event_type = 'cart') as carts,
count(*) filter (where event_type = 'remove_from_cart') as removals,
count(*) filter (where event_type = 'purchase') as purchases,
coalesce(sum(price) filter (where event_type = 'purchase'), 0)::decimal(38, 2) as revenue
{%- endmacro %}
