-- Each purchase event of staging is one row of purchases with its price, and there are no others.
with bought as (
    select
        event_id,
        price
    from {{ ref('stg_customer_events') }}
    where event_type = 'purchase'
)

select
    bought.event_id as in_staging,
    purchases.event_id as in_purchases
from bought
full outer join {{ ref('purchases') }} as purchases on bought.event_id = purchases.event_id
where bought.price is distinct from purchases.revenue
