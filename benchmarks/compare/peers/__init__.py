"""The candidates that run in environments of their own.

They are written as users of those packages write, against packages that are not installed beside
ours (`rapyer` 1.x has our import name): so mypy and pyright leave this directory out.
"""
