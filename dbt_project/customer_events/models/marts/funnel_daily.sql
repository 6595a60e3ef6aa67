-- A session counts on the day it began, with all it led to, also where it ends after midnight.
select
    started_at::date as session_date,
    count(*) as sessions,
    count(*) filter (where views > 0) as sessions_with_view,
    count(*) filter (where carts > 0) as sessions_with_cart,
    count(*) filter (where purchases > 0) as sessions_with_purchase,
    count(*) filter (where purchases > 0) / count(*) as conversion_rate,
    count(distinct user_id) as customers,
    sum(events)::bigint as events,
    sum(views)::bigint as views,
    sum(carts)::bigint as carts,
    sum(removals)::bigint as removals,
    sum(purchases)::bigint as purchases,
    sum(revenue)::decimal(38, 2) as revenue
from {{ ref('sessions') }}
group by started_at::date
