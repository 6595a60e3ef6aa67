with events as (
    select * from {{ ref('int_events_timed') }}
),

totals as (
    select
        user_id,
        min(event_time) as first_seen_at,
        max(event_time) as last_seen_at,
        max(event_time) filter (where event_type = 'purchase') as last_purchase_at,
        max(trusted_time) filter (where event_type = 'purchase') as trusted_purchase_at,
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

scores as (
    select
        user_id,
        {{ score_in_fifths('trusted_purchase_at') }} as recency_score,
        {{ score_in_fifths('purchases') }} as frequency_score,
        {{ score_in_fifths('revenue') }} as monetary_score
    from totals
    where purchases > 0
),

-- Today is the time of the newest event that is not ahead of its landing: the same events give the same customers on
-- any day, and no wrong clock makes everybody's last purchase old.
today as (
    select max(trusted_time) as as_of from events
)

select
    totals.user_id,
    totals.first_seen_at,
    totals.last_seen_at,
    totals.last_purchase_at,
    {{ penstock_shared.full_units_between('day', 'totals.trusted_purchase_at', 'today.as_of') }}::integer
        as days_since_purchase,
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
cross join today
left join scores on totals.user_id = scores.user_id
left join favourite_categories on totals.user_id = favourite_categories.user_id
left join favourite_brands on totals.user_id = favourite_brands.user_id
