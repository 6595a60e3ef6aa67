-- No event, and no revenue, falls out or counts twice between staging and sessions.
{{ totals_that_differ(ref('sessions')) }}
