"""The one fast reader of JSON: any shape of a good event becomes typed columns; the rest is left to SQL.

fast_path.py  when it is worth loading, and what it gives: typed columns of a chunk's events
schema.py     those columns
reader.py     the contract and a chunk of events → Arrow columns
scanner.py    the walk over an event: keys, fields, what the contract does not name
values.py     numbers, times, UUIDs
strings.py    strings and their escapes, UTF-8
words.py      eight bytes at a time

scanner, values, strings and words are compiled by numba (`decode.compiled`).
"""
