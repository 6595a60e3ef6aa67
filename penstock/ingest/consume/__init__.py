"""From the topic into the landing file: until its end as of now, or until stopped.

limits.py    how much, and how long
source.py    a topic and its consumer: is it the topic that the file was filled from, and where does it go on?
gap.py       what a topic no longer holds, though it should
fetch.py     the next batch of raw events
pipeline.py  while one batch lands, the next is checked, and the one after it fetched
drain.py     land all that the topic holds now
follow.py    land events as they come
"""
