"""The methods that this plugin adds to models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rapyer.base import BaseRedisModel, RedisModelMeta, require_instance
from rapyer.keys import KeyLike

from rapyer_pipeline.pipeline import MAX_STEPS, Pipeline

if TYPE_CHECKING:
    from rapyer_pipeline.pipeline import Missing


class PipelineMixin(BaseRedisModel, metaclass=RedisModelMeta):
    """`pipeline` and `pipeline_for`."""

    def pipeline(self, *, missing: Missing = "raise", max_steps: int = MAX_STEPS) -> Pipeline:
        """Record a program on the document of this instance, and run it on the server.

            async with user.pipeline() as p:
                p.score += 10
                (p.age > 17).if_true(lambda: p.status.set("adult"))

        Nothing is sent inside the block. At its end the program reads, decides and writes in one
        atomic step and one round trip, all or nothing; a program without statements takes none.
        Afterwards the instance has the document's values in every top-level field that was read as
        a scalar or written. An exception in the block sends nothing.

        Args:
            missing: What to do if there is no document: `"raise"` raises an error, `"ignore"` does
                nothing, `"create"` runs the program on the values of the instance and stores the
                result.
            max_steps: How many steps the loops of the program may take in total.

        Returns:
            The pipeline, to be entered with `async with`; see docs/pipeline.md for what it records.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
            RecordingError: Something in the block cannot be done by a program; raised at its line.
            PipelineAborted: A `require` did not hold, or an `abort` was reached.
            ProgramFailedError: The program failed; the subclass says why. Nothing was written.
            KeyNotFoundError: There is no document.
            ConflictError: The model has a Version, and the document's differs from the instance's.
            WrongTypeError: The key holds a Redis type other than a JSON document.
            OutcomeUnknownError: The reply was lost; the program may or may not have run.
        """
        require_instance(self)
        return Pipeline.of_instance_(self, missing, max_steps)

    @classmethod
    def pipeline_for(
        cls, key: KeyLike, *, missing: Literal["raise", "ignore"] = "raise",
        max_steps: int = MAX_STEPS,
    ) -> Pipeline:  # fmt: skip
        """Record a program on the document at a key, which is not loaded; see `pipeline`.

        A Version is incremented but not compared. One round trip, at the end of the block.

        Args:
            key: A primary key, or a whole Redis key.
            missing: What to do if there is no document: `"raise"` raises an error, `"ignore"` does
                nothing.
            max_steps: How many steps the loops of the program may take in total.

        Returns:
            The pipeline, to be entered with `async with`.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError: As for `pipeline`.
        """
        return Pipeline.by_key_(cls, key, missing, max_steps)
