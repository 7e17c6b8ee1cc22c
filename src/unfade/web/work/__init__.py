"""What is done in child processes: look at files, restore, show. The server itself does none of it.

Each function here takes plain data and a ``JobView`` and returns plain data, so any executor can
run it.
"""
