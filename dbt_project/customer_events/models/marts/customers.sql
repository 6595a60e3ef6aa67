with events as (
    select * from {{ ref('stg_customer_events') }}
),

totals as (
    select
        user_id,
        min(event_time) as first_seen_at,
        max(event_time) as last_seen_at,
        max(event_time) filter (where event_type = 'purchase') as last_purchase_at,
        count(distinct user_session) as sessions,
        {{ event_counts() }}
    from events
    group by user_id
),

-- A favourite has the most purchases; of several the most carts, then the most views, then the first by alphabet.
favourite_categories as (
    select
        user_id,
        category_code
    from events
    where category_code is not null
    group by user_id, category_code
    qualify row_number() over (
        partition by user_id
        order by
            count(*) filter (where event_type = 'purchase') desc,
            count(*) filter (where event_type = 'cart') desc,
            count(*) filter (where event_type = 'view') desc,
            category_code asc
    ) = 1
),

favourite_brands as (
    select
        user_id,
        brand
    from events
    where brand is not null
    group by user_id, brand
    qualify row_number() over (
        partition by user_id
        order by
            count(*) filter (where event_type = 'purchase') desc,
            count(*) filter (where event_type = 'cart') desc,
            count(*) filter (where event_type = 'view') desc,
            brand asc
    ) = 1
),

-- Buyers in fifths, 5 is best. Equal buyers share a rank, so that they share a score.
ranked_buyers as (
    select
        user_id,
        count(*) over () as buyers,
        rank() over (order by last_purchase_at asc) as recency_rank,
        rank() over (order by purchases asc) as frequency_rank,
        rank() over (order by revenue asc) as monetary_rank
    from totals
    where purchases > 0
),

scores as (
    select
        user_id,
        (1 + 5 * (recency_rank - 1) // buyers)::integer as recency_score,
        (1 + 5 * (frequency_rank - 1) // buyers)::integer as frequency_score,
        (1 + 5 * (monetary_rank - 1) // buyers)::integer as monetary_score
    from ranked_buyers
),

-- Today is the time of the newest event: the same events give the same customers on any day.
newest_event as (
    select max(event_time) as event_time from events
)

select
    totals.user_id,
    totals.first_seen_at,
    totals.last_seen_at,
    totals.last_purchase_at,
    -- Full days of 24 hours; date_diff would count midnights.
    (date_diff('second', totals.last_purchase_at, newest_event.event_time) // 86400)::integer as days_since_purchase,
    totals.sessions,
    totals.events,
    totals.views,
    totals.carts,
    totals.removals,
    totals.purchases,
    totals.revenue,
    favourite_categories.category_code as favourite_category,
    favourite_brands.brand as favourite_brand,
    scores.recency_score,
    scores.frequency_score,
    scores.monetary_score,
    case
        when scores.user_id is null then 'prospect'
        when scores.recency_score >= 4 and scores.frequency_score >= 4 then 'champion'
        when scores.recency_score >= 3 and scores.frequency_score >= 3 then 'loyal'
        when scores.recency_score >= 4 then 'recent'
        when scores.recency_score = 3 then 'regular'
        when scores.frequency_score >= 4 or scores.monetary_score >= 4 then 'at_risk'
        else 'lapsed'
    end as rfm_segment
from totals
cross join newest_event
left join scores on totals.user_id = scores.user_id
left join favourite_categories on totals.user_id = favourite_categories.user_id
left join favourite_brands on totals.user_id = favourite_brands.user_id
