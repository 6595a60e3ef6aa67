"""First aid: marts without the commits that spoil them, until a person releases these.

spoilt.py     which commits are new in a build that the gate refuses
first_aid.py  the gate, and where a pipeline says `on_anomaly: quarantine` the build without them
by_hand.py    a person puts commits into quarantine, releases them, or looks at what is in it
told.py       what people hear of it
commands.py   `penstock quarantine ls | add | release`
"""
