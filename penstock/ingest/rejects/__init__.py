"""Events that were refused: look at them, and check them again.

report.py    counted, shown one by one, exported
locate.py    where in an event's text a reason points
replay.py    checked again by today's contract; what passes lands, once
commands.py  `penstock ingest rejects`
"""
