"""The landing file of a stream: rows, rejects and offsets in one transaction.

file.py            a batch lands, a gap is recorded, a generation of the topic begins
offsets.py         what comes next of each partition, moved only if nobody else did
batch.py           what a transaction takes, and what it did
sudden_rejects.py  rejects of a kind that suddenly come
gap.py             events that the topic no longer held
schema.py          the tables, made once and checked at each opening
connection.py      the connection, and how much memory DuckDB has
lock.py            one consumer at a time
"""
