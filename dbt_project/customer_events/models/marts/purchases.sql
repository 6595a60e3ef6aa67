select
    event_id,
    event_time as purchased_at,
    user_id,
    user_session,
    product_id,
    category_id,
    category_code,
    brand,
    price as revenue
from {{ ref('stg_customer_events') }}
where event_type = 'purchase'
