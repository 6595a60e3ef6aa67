-- A clock that runs ahead sends times that have not come yet. Such an event counts, with the time that it says. But
-- where the newest is asked for, it stands where the newest of the others stood when it landed: it is not the newest
-- forever.
with events as (
    select
        *,
        event_time > _landed_at as is_ahead
    from {{ ref('stg_customer_events') }}
),

commits as (
    select
        _commit,
        max(max(event_time) filter (where not is_ahead)) over (
            order by _commit
            rows between unbounded preceding and 1 preceding
        ) as newest_before
    from events
    group by _commit
)

select
    events.*, -- noqa: AM04
    case when events.is_ahead then commits.newest_before else events.event_time end as trusted_time
from events
inner join commits on events._commit = commits._commit
