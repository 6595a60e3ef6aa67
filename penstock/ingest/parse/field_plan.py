"""What the scanner knows of each field and notes of each event: numbers in arrays, handed on as addresses."""

from __future__ import annotations

STRING, UUID, INTEGER, DECIMAL, BOOLEAN, TIMESTAMP, DATE = range(7)
SLOTS = 1024  # of the table of the contract's keys, and of that of an event's other keys
MOST_FIELDS = SLOTS // 2  # of a contract
MOST_KEYS = SLOTS // 2  # that the contract does not name, in one event
DEEPEST = 60  # objects and arrays within one another
SLACK = 16  # bytes behind what is written

# A row of `plan` for each field, one number a column.
(
    KIND, REQUIRED, LOWEST, HIGHEST, SCALE, MAY_BE_LOCAL,
    KEY, KEY_SIZE,  # the address of its key, zeros behind it to a whole word; bytes of the key
    VALUES, MISSING, IS_LOCAL,  # addresses: its values, a word for each event or two; its flags, a byte each
    SEEN, AFTER,  # the newest event that has it; the field that came behind it last time (in row 0: first)
    PLANNED,
) = range(14)  # fmt: skip
ROW = 8 * PLANNED

# Where an event's other keys are noted: by slot a hash, and the event that it is of; how many; by depth, the
# number of the object that is open there.
STAMPS, USED = 8 * SLOTS, 16 * SLOTS
IDS = USED + 8
NOTED = 2 * SLOTS + 2 + DEEPEST
