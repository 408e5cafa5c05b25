"""Where operations on documents are sent."""

from __future__ import annotations

from typing import NamedTuple

from rapyer.traffic.channel import Channel
from rapyer.traffic.policies import Policies


class DocumentAt(NamedTuple):
    """The document at a key, for one operation.

    Attributes:
        channel: The connections.
        key: The whole Redis key.
        policies: What else happens to the key in the same step.
    """

    channel: Channel
    key: str
    policies: Policies = ()
