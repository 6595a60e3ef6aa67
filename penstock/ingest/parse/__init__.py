"""The one fast reader of JSON: any shape of a good event becomes typed columns; the rest is left to SQL.

fast_path.py  when it is worth loading, and what it gives: typed columns of a chunk's events
schema.py     those columns
reader.py     the contract and a chunk of events → Arrow columns
field_plan.py what the scanner knows of the contract's fields
scanner.py    the walk over an event, and the values of its fields
keys.py       which field a key is of, and whether one comes twice
unknown.py    what the contract does not name, as text
values.py     numbers, times, UUIDs
strings.py    strings and their escapes, UTF-8
tokens.py     the marks of JSON, white space, where a number ends
words.py      eight bytes at a time

From scanner on, all is compiled by numba (`decode.compiled`).
"""
