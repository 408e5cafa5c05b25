"""The sub-commands of `python -m rapyer` that core has: one module each."""
