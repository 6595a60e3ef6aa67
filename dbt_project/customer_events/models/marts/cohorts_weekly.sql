with events as (
    select
        *,
        -- Weeks begin on Monday.
        date_trunc('week', event_time)::date as week,
        min(date_trunc('week', event_time)::date) over (partition by user_id) as cohort_week
    from {{ ref('stg_customer_events') }}
),

cohorts as (
    select
        cohort_week,
        count(distinct user_id) as cohort_customers
    from events
    group by cohort_week
),

weeks as (
    select
        cohort_week,
        {{ penstock_shared.full_units_between('week', 'cohort_week', 'week') }}::integer as week_number,
        count(distinct user_id) as active_customers,
        count(distinct user_id) filter (where event_type = 'purchase') as buyers,
        {{ event_counts() }}
    from events
    group by cohort_week, week
)

select
    weeks.cohort_week,
    weeks.week_number,
    cohorts.cohort_customers,
    weeks.active_customers,
    weeks.active_customers / cohorts.cohort_customers as retention_rate,
    weeks.buyers,
    weeks.events,
    weeks.views,
    weeks.carts,
    weeks.removals,
    weeks.purchases,
    weeks.revenue
from weeks
inner join cohorts on weeks.cohort_week = cohorts.cohort_week
