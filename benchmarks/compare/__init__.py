"""`python -m benchmarks compare`: ours and its peers beside raw redis-py and pydantic.

Each candidate is a process of its own, in an environment of its own where it needs one, and does
the same works on the same documents and the same server. `command` is where it begins.
"""
