"""Programs recorded in Python and run on the server: one atomic round trip, all or nothing.

async with user.pipeline() as p:
    p.score += 10
    (p.age > 17).if_true(lambda: p.status.set("adult")).else_(lambda: p.status.set("minor"))
"""

from rapyer_pipeline.document import length
from rapyer_pipeline.errors import (
    DivisionByZeroError,
    InvalidValueError,
    MissingValueError,
    NoneValueError,
    PipelineAborted,
    PipelineError,
    ProgramFailedError,
    RecordingError,
    ResultOverflowError,
    StoredTypeError,
    TooManyStepsError,
)
from rapyer_pipeline.mixin import PipelineMixin
from rapyer_pipeline.pipeline import Pipeline, transaction

__all__ = [
    "DivisionByZeroError",
    "InvalidValueError",
    "MissingValueError",
    "NoneValueError",
    "Pipeline",
    "PipelineAborted",
    "PipelineError",
    "PipelineMixin",
    "ProgramFailedError",
    "RecordingError",
    "ResultOverflowError",
    "StoredTypeError",
    "TooManyStepsError",
    "length",
    "transaction",
]
__version__ = "0.1.0"
