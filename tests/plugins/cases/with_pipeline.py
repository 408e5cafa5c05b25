"""What a user sees with rapyer-pipeline alone. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from uuid import UUID

from rapyer import AtomicRedisModel, Field, Key, Mapped, RapyerError
from rapyer_pipeline import Pipeline, PipelineError, length
from typing_extensions import assert_type


class User(AtomicRedisModel):
    id: Key[str]
    score: Mapped[int] = Field(default=0)
    tags: Mapped[list[str]] = Field(default_factory=list)


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def good(user: User, key: UUID) -> None:
    assert_type(user.pipeline(), Pipeline)
    assert_type(User.pipeline_for("1"), Pipeline)
    assert_type(user.pipeline(missing="create", max_steps=10), Pipeline)
    assert_type(User.pipeline_for(key, missing="ignore", max_steps=10), Pipeline)
    assert_type(User.pipeline_for(1), Pipeline)
    assert_type(Fixed(name="x").pipeline(missing="raise"), Pipeline)
    async with user.pipeline() as p:
        assert_type(p, Pipeline)
        p.score += 10
        length(p.tags)
    async with User.pipeline_for(user.key) as p:
        assert_type(p, Pipeline)
        p.score += 10
    assert_type(user.score, int)
    assert_type(await user.save(), User)
    try:
        await user.load()
    except PipelineError as error:
        known: RapyerError = error
        print(known)


async def bad(user: User) -> None:
    user.pipeline(missing="skip")  # error
    user.pipeline(max_steps="10")  # error
    user.pipeline(max_step=10)  # error
    user.pipeline("1")  # error
    User.pipeline()  # error
    User.pipeline_for()  # error
    User.pipeline_for(1.5)  # error
    User.pipeline_for("1", missing="create")  # error
    user.pipelines()  # error
    await user.pipeline()  # error
    with user.pipeline():  # error
        pass
    User.find()  # error
    User.bulk_insert([user])  # error
    await user.get_ttl()  # error
