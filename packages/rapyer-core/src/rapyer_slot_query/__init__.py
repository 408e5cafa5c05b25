"""What type checkers see of rapyer-query while it is not installed: nothing.

Its wheel contains `rapyer_slot_query-stubs`, which they prefer to this package (PEP 561).
"""


class QuerySlot:
    """Adds nothing to `AtomicRedisModel`."""
