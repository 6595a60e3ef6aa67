with events as (
    select * from {{ ref('int_events_timed') }}
),

-- Category, brand and price of the newest event; of several at that instant the dearest, then the first by value. An
-- event ahead of its landing comes after all others of the instant at which it stands.
newest as (
    select
        product_id,
        category_id,
        category_code,
        brand,
        price as latest_price
    from events
    qualify row_number() over (
        partition by product_id
        order by
            trusted_time desc nulls last,
            is_ahead asc,
            event_time desc,
            price desc,
            category_id asc,
            category_code asc nulls last,
            brand asc nulls last
    ) = 1
),

counted as (
    select
        product_id,
        min(event_time) as first_seen_at,
        max(event_time) as last_seen_at,
        count(distinct user_id) as customers,
        count(distinct user_id) filter (where event_type = 'purchase') as buyers,
        {{ event_counts() }}
    from events
    group by product_id
)

select
    newest.product_id,
    newest.category_id,
    newest.category_code,
    newest.brand,
    newest.latest_price,
    counted.first_seen_at,
    counted.last_seen_at,
    counted.customers,
    counted.buyers,
    counted.events,
    counted.views,
    counted.carts,
    counted.removals,
    counted.purchases,
    counted.revenue
from newest
inner join counted on newest.product_id = counted.product_id
