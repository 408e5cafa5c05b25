"""What type checkers see of rapyer-bulk while it is not installed: nothing.

Its wheel contains `rapyer_slot_bulk-stubs`, which they prefer to this package (PEP 561).
"""


class BulkSlot:
    """Adds nothing to `AtomicRedisModel`."""
