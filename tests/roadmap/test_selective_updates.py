"""The roadmap's chapter "Selective Field Updates in BaseModel": its examples, as they are Python.

`aupdate(User.name="John Doe")` is no Python: the mapping is its form.
"""

from __future__ import annotations

from pydantic import BaseModel
from rapyer import AtomicRedisModel


class Address(BaseModel):
    city: str = ""


class Profile(BaseModel):
    address: Address = Address()


class User(AtomicRedisModel):
    name: str = ""
    age: int = 0
    profile: Profile = Profile()

    class Config:
        prefix = "roadmap:user"


async def test_the_examples(server):
    user = await User().save()

    # Basic field updates
    await user.aupdate(name="John Doe", age=25)

    assert await User.get(user.key) == user == User(name="John Doe", age=25)

    # Using class field references for better IDE support
    await user.aupdate({User.name: "John", User.age: 26})

    assert await User.get(user.key) == user == User(name="John", age=26)

    # Mixed syntax
    await user.aupdate({User.age: 25}, name="John Doe")

    # Nested field updates
    await user.aupdate(profile__address__city="New York")

    stored = await User.get(user.key)
    assert stored == user
    assert (stored.name, stored.age, stored.profile.address.city) == ("John Doe", 25, "New York")
