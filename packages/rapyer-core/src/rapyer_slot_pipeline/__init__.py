"""What type checkers see of rapyer-pipeline while it is not installed: nothing.

Its wheel contains `rapyer_slot_pipeline-stubs`, which they prefer to this package (PEP 561).
"""


class PipelineSlot:
    """Adds nothing to `AtomicRedisModel`."""
