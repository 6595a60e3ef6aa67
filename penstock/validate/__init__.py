"""The gate: Great Expectations judges the candidates in the warehouse before anyone sees them.

suites.py        what must hold: `expectations/<pipeline>/<mart>.yaml`, read and checked
expectations.py  the same in Great Expectations' own types: a misspelt check is found here
candidates.py    what is judged: the build and its marts, in the warehouse, opened read-only
supported.py     what Great Expectations declares, but cannot judge in DuckDB
sql_check.py     a check in SQL, which DuckDB alone reads
anomalies.py     what `on_anomaly` of a pipeline changes in its suites
published.py     what is compared with: the last published version, beside the candidates
new_inputs.py    what came since then, as commits and offsets
history/         the check of history: what is new resembles what is published
feedback.py      what people decided of its findings, as a file
decide.py        how they decide
backtest.py      what it would have said as of each earlier period
dialect.py       how SQLAlchemy talks to DuckDB, so that checks run as SQL on the gate's own connection
metrics.py       how the rows of a check in SQL are counted
quantiles.py     quantiles, with a result that can be kept
judgement.py     the checks run, and what each of them found
data_docs.py     the site that shows it
verdict.py       the outcome, as a file, as text, as an error
gate.py          all of it, in order
"""
