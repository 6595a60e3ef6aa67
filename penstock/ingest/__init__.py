"""Kafka to landing, exactly once.

contract/    what a stream must look like
kafka/       the client
decode/      record batches → Arrow columns of bytes
parse/       JSON → typed columns: the fast path
check/       which events are rows, which are rejects, and why
landing/     rows, rejects and offsets, in one transaction
consume/     all of it, batch after batch: drain, follow
rejects/     what was refused: look, replay
recovery/    backup, restore
commands.py  the command line

No room imports from one that stands below it here.
"""
