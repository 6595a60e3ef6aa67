-- No event, and no revenue, falls out or counts twice between staging and cohorts_weekly.
{{ totals_that_differ(ref('cohorts_weekly')) }}
