"""The roadmap's chapter "Complex Selection and Querying": its examples, word for word."""

from __future__ import annotations

import pytest
from rapyer import init_rapyer
from rapyer.testing import use_plugins


@pytest.fixture
async def model(redis_url, redis):
    # with models of their own, so that the keys of the examples are those of no other test
    with use_plugins(installed=True) as host:

        class User(host.AtomicRedisModel):
            name: str = ""
            age: int = 0
            score: float = 0.0
            active: bool = True
            status: str = "active"
            role: str = "user"

        async with init_rapyer(redis_url):
            yield User


async def test_the_examples(model):
    User = model
    ada = await User(name="Ada", age=36, score=120, role="admin").save()
    bob = await User(name="Bob", age=26, score=100, active=False).save()
    cy = await User(name="Cy", age=18, score=300, status="gone").save()

    # Simple field comparisons
    adults = await User.find(User.age > 18).to_list()
    active_users = await User.find(User.status == "active").to_list()

    assert sorted(user.name for user in adults) == ["Ada", "Bob"]
    assert sorted(user.name for user in active_users) == ["Ada", "Bob"]

    # Complex queries with logical operators
    target_users = await User.find(
        (User.age > 25) & (User.score >= 100) & (User.active == True)  # noqa: E712
    ).to_list()

    assert target_users == [ada]

    # Single result queries
    admin = await User.find_one(User.role == "admin")

    assert admin == ada
    assert await User.find(~((User.age > 25) | (User.status == "active"))).to_list() == [cy]
    assert await User.find(User.active != True).to_list() == [bob]  # noqa: E712


async def test_fields_are_indexed_automatically(model):
    """The task "Index Management: Automatic field indexing for query performance"."""
    assert (await model.index.status()).state == "missing"
    await model(name="Ada").save()
    assert await model.find(model.name == "Ada").count() == 1
    status = await model.index.status()
    assert (status.state, status.documents) == ("ready", 1)
    assert {field.name for field in status.fields} >= {"name", "age", "score", "active", "role"}
