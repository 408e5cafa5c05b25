"""What type checkers see of rapyer-ttl while it is not installed: nothing.

Its wheel contains `rapyer_slot_ttl-stubs`, which they prefer to this package (PEP 561).
"""


class TtlSlot:
    """Adds nothing to `AtomicRedisModel`."""
