-- No event, and no revenue, falls out or counts twice between staging and products.
{{ totals_that_differ(ref('products')) }}
