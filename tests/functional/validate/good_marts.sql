-- One customer, who viewed a phone and bought it.
insert into sessions by name select 1 as user_id, 'a' as user_session, timestamp '2019-10-01 10:00:00' as started_at,
    timestamp '2019-10-01 10:01:00' as ended_at, timestamp '2019-10-01 10:01:00' as first_purchase_at,
    60 as duration_seconds, 60 as longest_pause_seconds, 1 as products, 2 as events, 1 as views, 0 as carts,
    0 as removals, 1 as purchases, 9.99 as revenue;
insert into purchases by name select 'e1' as event_id, timestamp '2019-10-01 10:01:00' as purchased_at, 1 as user_id,
    'a' as user_session, 7 as product_id, 3 as category_id, 'apple' as brand, 9.99 as revenue;
insert into customers by name select 1 as user_id, timestamp '2019-10-01 10:00:00' as first_seen_at,
    timestamp '2019-10-01 10:01:00' as last_seen_at, timestamp '2019-10-01 10:01:00' as last_purchase_at,
    0 as days_since_purchase, 1 as sessions, 2 as events, 1 as views, 0 as carts, 0 as removals, 1 as purchases,
    9.99 as revenue, 5 as recency_score, 5 as frequency_score, 5 as monetary_score, 'champion' as rfm_segment;
insert into products by name select 7 as product_id, 3 as category_id, 'apple' as brand, 9.99 as latest_price,
    timestamp '2019-10-01 10:00:00' as first_seen_at, timestamp '2019-10-01 10:01:00' as last_seen_at, 1 as customers,
    1 as buyers, 2 as events, 1 as views, 0 as carts, 0 as removals, 1 as purchases, 9.99 as revenue;
insert into funnel_daily by name select date '2019-10-01' as session_date, 1 as sessions, 1 as sessions_with_view,
    0 as sessions_with_cart, 1 as sessions_with_purchase, 1.0 as conversion_rate, 1 as customers, 2 as events,
    1 as views, 0 as carts, 0 as removals, 1 as purchases, 9.99 as revenue;
insert into cohorts_weekly by name select date '2019-09-30' as cohort_week, 0 as week_number, 1 as cohort_customers,
    1 as active_customers, 1.0 as retention_rate, 1 as buyers, 2 as events, 1 as views, 0 as carts, 0 as removals,
    1 as purchases, 9.99 as revenue;
