-- In its first week each customer is active: the cohorts' sizes add up to all customers.
select
    cohorts.customers,
    customers.customers as all_customers
from (
    select coalesce(sum(active_customers), 0) as customers
    from {{ ref('cohorts_weekly') }}
    where week_number = 0 and active_customers = cohort_customers
) as cohorts
cross join (select count(*) as customers from {{ ref('customers') }}) as customers
where cohorts.customers <> customers.customers
