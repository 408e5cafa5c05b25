"""The methods that models have with the plugin."""

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

        In the block nothing is sent. At its end the program reads, decides and writes in one atomic
        step and one round trip, all of it or nothing; one without a statement takes none. Then the
        instance has what the document has in every top-level field that was read as a scalar or
        written. An exception in the block sends nothing.

        Args:
            missing: What is done where there is no document: `"raise"` is an error, `"ignore"` does
                nothing, `"create"` runs the program on what the instance is, and stores that.
            max_steps: How many steps the loops of the program may take together.

        Returns:
            What the block is opened with; see docs/pipeline.md for what it records.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
            RecordingError: Something was written that no program does, at its line.
            PipelineAborted: A `require` did not hold, or an `abort` was reached.
            ProgramFailedError: The program failed; the subclass says why. Nothing was written.
            KeyNotFoundError: There is no document.
            ConflictError: The model has a Version, and the document another one than the instance.
            WrongTypeError: The key holds another Redis type than a JSON document.
            OutcomeUnknownError: The reply was lost; the program may have been run or not.
        """
        require_instance(self)
        return Pipeline.of_instance_(self, missing, max_steps)

    @classmethod
    def pipeline_for(
        cls, key: KeyLike, *, missing: Literal["raise", "ignore"] = "raise",
        max_steps: int = MAX_STEPS,
    ) -> Pipeline:  # fmt: skip
        """Record a program on the document at a key, which is not loaded; see `pipeline`.

        A Version is counted, and not compared. One round trip, at the end of the block.

        Args:
            key: A primary key, or a whole Redis key.
            missing: What is done where there is no document: `"raise"` is an error, `"ignore"` does
                nothing.
            max_steps: How many steps the loops of the program may take together.

        Returns:
            What the block is opened with.

        Raises:
            ValueError: `missing` is none of these, or `max_steps` is less than 1.
            InvalidKeyError: `key` cannot be one of this model.
            RapyerError: As `pipeline`.
        """
        return Pipeline.by_key_(cls, key, missing, max_steps)
