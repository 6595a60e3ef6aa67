-- In its first week each customer is active: the cohorts' sizes add up to all customers.
with cohorts as (
    select coalesce(sum(active_customers), 0) as customers
    from {{ ref('cohorts_weekly') }}
    where week_number = 0 and active_customers = cohort_customers
),

all_customers as (
    select count(*) as customers
    from {{ ref('customers') }}
)

select
    cohorts.customers as in_cohorts,
    all_customers.customers as in_all
from cohorts
cross join all_customers
where cohorts.customers <> all_customers.customers
