"""The check of history: what is new in a mart resembles what readers know, or a person hears what does not.

question.py     what a suite says of it, read and checked
periods.py      which periods are new or changed, and which they are compared with
usual_set.py    which measures a mart has, by its columns
measures.py     the measures of a period, as SQL
shapes.py       those of how values are spread, as SQL
measured.py     all of them, by period
scales.py       amounts and shares, on scales on which they can be compared
norm.py         what is usual, and how far a value lies from it
findings.py     what is unusual, in words
cause.py        what changed with it
comparison.py   all of it, in order
as_of.py        the same as of each earlier period
keys.py         values of a key that should stay
expectation.py  both as expectations of Great Expectations
"""
