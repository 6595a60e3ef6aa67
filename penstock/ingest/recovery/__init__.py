"""A landing file is copied with its offsets, and put back.

backup.py   a consistent copy, beside a running consumer
restore.py  a copy takes the file's place; what the topic still holds lands again
"""
