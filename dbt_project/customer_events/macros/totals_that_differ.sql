{# A row where events, or revenue, fell out or were counted twice between staging and a mart that counts all of them. #}
{% macro totals_that_differ(mart) -%}
with staging as (
    select {{ event_counts() }} from {{ ref('stg_customer_events') }}
),

mart as (
    select
        coalesce(sum(events), 0) as events,
        coalesce(sum(views), 0) as views,
        coalesce(sum(carts), 0) as carts,
        coalesce(sum(removals), 0) as removals,
        coalesce(sum(purchases), 0) as purchases,
        coalesce(sum(revenue), 0) as revenue
    from {{ mart }}
)

select
    'staging' as counted_in,
    *
from (select * from staging except select * from mart)
union all
select
    'mart' as counted_in,
    *
from (select * from mart except select * from staging)
{%- endmacro %}
