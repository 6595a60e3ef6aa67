"""The one fast reader of JSON: any shape of a good event becomes typed columns; the rest is left to SQL.

reader.py    the contract and a chunk of events → Arrow columns
scanner.py   the walk over an event: keys, fields, what the contract does not name
values.py    numbers, times, UUIDs
strings.py   strings and their escapes, UTF-8
words.py     eight bytes at a time
memory.py    bytes at an address

All but the reader is compiled by numba, which keeps its code beside the source.
"""
