"""What a stream must look like: an ODCS file, read and checked.

odcs.py          is the file a valid contract of the standard?
odcs_words.py    what each word of the standard means to landing: heeded, for people, or refused
model.py         what the contract means: the topic, the fields, how each is typed
type_options.py  what values must keep beyond their type
time_limits.py   how far a time may lie from Kafka's
valid_values.py  which texts a field may hold
reject_limit.py  how many rejects are too many
"""
