with ordered_events as (
    -- By time, then by place. Place orders only what happened at the same instant, and no column below depends on it:
    -- the same events give the same sessions, however they lie in the topic.
    select
        *,
        event_time - lag(event_time) over (
            partition by user_id, user_session
            order by event_time, _epoch, _kafka_partition, _offset
        ) as pause
    from {{ ref('stg_customer_events') }}
)

select
    user_id,
    user_session,
    min(event_time) as started_at,
    max(event_time) as ended_at,
    date_diff('second', min(event_time), max(event_time)) as duration_seconds,
    coalesce(date_part('epoch', max(pause)), 0)::bigint as longest_pause_seconds,
    min(event_time) filter (where event_type = 'purchase') as first_purchase_at,
    count(distinct product_id) as products,
    {{ event_counts() }}
from ordered_events
group by user_id, user_session
