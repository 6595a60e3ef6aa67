-- Rows that break every rule of keys, ranges, totals and volume.
insert into sessions by name select u.user_id, u.user_session, timestamp '2099-01-02' as started_at,
    timestamp '2099-01-01' as ended_at, 100000 as duration_seconds, 100001 as longest_pause_seconds, 0 as events,
    5 as views, 0 as carts, 0 as removals, 1 as purchases, -1 as revenue
    from (values (1, 'a'), (1, 'a'), (null, null)) as u (user_id, user_session);
insert into purchases by name select event_id, 99 as user_id, 'b' as user_session, 99 as product_id, brand,
    timestamp '1970-01-01' as purchased_at, -1 as revenue from (values ('e', 'Apple'), ('e', null), (null, null)) as p (event_id, brand);
insert into customers by name select user_id, timestamp '2099-01-02' as first_seen_at,
    timestamp '2099-01-01' as last_seen_at, -1 as days_since_purchase, 0 as sessions, 3 as events, 1 as purchases,
    -1 as revenue, 9 as recency_score, 0 as frequency_score, 6 as monetary_score, 'rich' as rfm_segment
    from (values (1), (1), (null)) as c (user_id);
insert into products by name select product_id, -1 as latest_price, timestamp '2099-01-02' as first_seen_at,
    timestamp '2099-01-01' as last_seen_at, 1 as customers, 5 as buyers, 4 as events, 0 as purchases, -1 as revenue
    from (values (7), (7), (null)) as p (product_id);
insert into funnel_daily by name select session_date, 0 as sessions, 5 as sessions_with_view, 2.0 as conversion_rate,
    6 as events, 0 as purchases, -1 as revenue
    from (values (date '2019-11-01'), (date '2019-11-01'), (date '2019-11-05'), (null)) as f (session_date);
insert into cohorts_weekly by name select date '2019-10-01' as cohort_week, week_number, 1 as cohort_customers,
    2 as active_customers, 2.0 as retention_rate, 3 as buyers, 7 as events, 0 as purchases, -1 as revenue
    from (values (0), (0), (-1)) as c (week_number);
