"""The Kafka client: who a topic is, where it begins and ends, how it is consumed.

topic.py         the topic's identity and offsets, a consumer, the client's errors
header_names.py  header names that are not UTF-8
"""
