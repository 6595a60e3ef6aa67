-- No event, and no revenue, falls out or counts twice between staging and customers.
{{ totals_that_differ(ref('customers')) }}
