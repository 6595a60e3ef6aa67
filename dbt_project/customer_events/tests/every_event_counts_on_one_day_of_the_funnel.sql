-- No event, and no revenue, falls out or counts twice between staging and funnel_daily.
{{ totals_that_differ(ref('funnel_daily')) }}
