with ordered_events as (
    -- By time alone: which of several events at the same instant comes first changes no column below.
    select
        *,
        lag(event_time) over (
            partition by user_id, user_session
            order by event_time
        ) as previous_event_time
    from {{ ref('stg_customer_events') }}
)

select
    user_id,
    user_session,
    min(event_time) as started_at,
    max(event_time) as ended_at,
    {{ penstock_shared.full_units_between('second', 'min(event_time)', 'max(event_time)') }} as duration_seconds,
    coalesce(max({{ penstock_shared.full_units_between('second', 'previous_event_time', 'event_time') }}), 0)
        as longest_pause_seconds,
    min(event_time) filter (where event_type = 'purchase') as first_purchase_at,
    count(distinct product_id) as products,
    {{ event_counts() }}
from ordered_events
group by user_id, user_session
