"""Bulk operations: insert, update, delete and read many models in chunks, at the server's speed.

    await User.bulk_insert(users)
    users = await User.bulk_get(["user:1", "user:2"])

This is a plugin of rapyer: where it is installed, models have its methods. The functions here
accept models of all kinds.
"""

from rapyer.progress import Progress as Progress

from rapyer_bulk.errors import BulkError as BulkError
from rapyer_bulk.errors import BulkOutcomeUnknownError as BulkOutcomeUnknownError
from rapyer_bulk.errors import KeyExistsError as KeyExistsError
from rapyer_bulk.errors import result_of as result_of
from rapyer_bulk.insert import InsertMode as InsertMode
from rapyer_bulk.mixed import bulk_delete as bulk_delete
from rapyer_bulk.mixed import bulk_exists as bulk_exists
from rapyer_bulk.mixed import bulk_get as bulk_get
from rapyer_bulk.mixed import bulk_insert as bulk_insert
from rapyer_bulk.mixed import bulk_stream as bulk_stream
from rapyer_bulk.mixed import bulk_update as bulk_update
from rapyer_bulk.mixin import BulkMixin as BulkMixin
from rapyer_bulk.reading import Missing as Missing
from rapyer_bulk.results import BulkResult as BulkResult
from rapyer_bulk.results import KeyOutcome as KeyOutcome
from rapyer_bulk.results import Outcome as Outcome
