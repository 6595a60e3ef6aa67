-- Each purchase event of staging is one row of purchases with its price, and there are no others.
select
    staging.event_id as staging_event_id,
    purchases.event_id as purchases_event_id
from (select * from {{ ref('stg_customer_events') }} where event_type = 'purchase') as staging
full outer join {{ ref('purchases') }} as purchases on staging.event_id = purchases.event_id
where staging.price is distinct from purchases.revenue
