"""Kafka's record batches become Arrow columns of raw bytes; no Python object for each record.

hook.py            the hook into kafka-python: its consumer hands on whole record batches
record_batches.py  record batches → columns, by the format that Kafka documents
record_scanner.py     from record to record, compiled by numba
columns.py         the columns of a chunk of events, from whole batches or single records
arrow_bytes.py     bytes of many events, as Arrow keeps them
compiled.py        how numba compiles, and where it keeps the code
memory.py          bytes at an address, for what numba compiles
"""
