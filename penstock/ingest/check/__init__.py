"""Which events are rows, which are rejects, and why: the contract as SQL over a whole batch.

field_rules.py   one field: from its JSON token to its value, and its rules
reasons.py       why an event is a reject
compiler.py      the contract → one statement that gives rows and rejects
json_rules.sql   the macros that it calls
parsed_rules.py  the same rules over the columns that `parse` has read
checker.py       a batch is checked, what `parse` could not read by the whole statement
relation.py      rows that change from batch to batch, and statements over them that are planned once
result.py        what that gives
tombstones.py    events without a value
"""
