"""What docs/operating.md says of models that change while documents are there, row by row."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BeforeValidator, ConfigDict, model_validator
from rapyer import CorruptDocumentError, Field, Key, Mapped, init_rapyer
from rapyer.testing import use_plugins


def version(annotations: dict[str, Any], **members: Any) -> Any:
    """A version of the model of customers, as one process has it."""
    with use_plugins(installed=True):
        from rapyer import AtomicRedisModel

        class Config:
            prefix = "changing:customer"

        body = {
            "__module__": __name__,
            "__qualname__": "Customer",
            "__annotations__": {"id": Key[str], **annotations},
            "Config": Config,
            **members,
        }
        return type(AtomicRedisModel)("Customer", (AtomicRedisModel,), body)


Old = version({"name": Mapped[str]})
New = version(
    {"name": Mapped[str], "points": Mapped[int]},
    points=Field(default=7),
)


@pytest.fixture
async def stored(redis, redis_url):
    """Give the document of a customer as it is stored."""

    async def read(pk):
        return await redis.json().get(f"changing:customer:{pk}")

    async with init_rapyer(redis_url):
        yield read


async def test_a_field_that_was_added_has_its_default_in_old_documents_in_queries_too(stored):
    await Old(id="1", name="Ada").save()
    assert (await New.get("1")).points == 7
    assert await New.find(New.points == 7).keys() == ["changing:customer:1"]


async def test_a_field_that_was_added_without_a_default_makes_old_documents_unreadable(stored):
    required = version({"name": Mapped[str], "points": Mapped[int]})
    await Old(id="1", name="Ada").save()
    with pytest.raises(CorruptDocumentError, match="give its missing fields a default"):
        await required.get("1")


async def test_an_old_process_that_saves_drops_what_it_does_not_know(stored):
    await New(id="1", name="Ada", points=3).save()
    ada = await Old.get("1")
    ada.name = "Augusta"
    await ada.save()
    assert await stored("1") == {"id": "1", "name": "Augusta"}


async def test_an_old_process_that_writes_parts_leaves_alone_what_it_does_not_know(stored):
    await New(id="1", name="Ada", points=3).save()
    ada = await Old.get("1")
    await ada.aupdate(name="a")
    await Old.name.append("1", "b")
    async with ada.lock() as fresh:
        fresh.name += "c"
    async with ada.pipeline() as p:
        p.name += "d"
    await Old.bulk_update(["1"], name="abcde")
    assert await Old.find(Old.name == "abcde").update(name="abcdef") == 1
    assert await stored("1") == {"id": "1", "name": "abcdef", "points": 3}


async def test_what_a_model_allows_as_extra_is_kept_and_what_it_forbids_is_refused(stored):
    await New(id="1", name="Ada", points=3).save()
    allowing = version({"name": Mapped[str]}, model_config=ConfigDict(extra="allow"))
    await (await allowing.get("1")).save()
    assert (await stored("1"))["points"] == 3
    forbidding = version({"name": Mapped[str]}, model_config=ConfigDict(extra="forbid"))
    with pytest.raises(CorruptDocumentError):
        await forbidding.get("1")


async def test_a_field_that_was_removed_stays_in_documents_until_they_are_saved(stored):
    await New(id="1", name="Ada", points=3).save()
    ada = await Old.get("1")
    await ada.aupdate(name="Ada")
    assert "points" in await stored("1")
    await ada.save()
    assert "points" not in await stored("1")
    strict = version({"name": Mapped[str], "points": Mapped[int]})
    with pytest.raises(CorruptDocumentError):
        await strict.get("1")  # a process of before: the field has no default there
    assert (await New.get("1")).points == 7


async def test_a_field_is_renamed_in_python_by_an_alias(stored):
    await Old(id="1", name="Ada").save()
    renamed = version({"full_name": Mapped[str]}, full_name=Field(alias="name"))
    ada = await renamed.get("1")
    assert ada.full_name == "Ada"
    assert await renamed.find(renamed.full_name == "Ada").count() == 1
    await ada.aupdate(full_name="Augusta")
    assert (await Old.get("1")).name == "Augusta"


async def test_a_document_is_read_under_one_name(stored):
    await Old(id="1", name="Ada").save()
    choices = Field(validation_alias=AliasChoices("full_name", "name"))
    renamed = version({"full_name": Mapped[str]}, full_name=choices)
    with pytest.raises(CorruptDocumentError, match="Field required"):
        await renamed.get("1")


async def test_a_validator_that_takes_the_old_form_serves_get_and_no_query(stored):
    def from_name(data: Any) -> Any:
        is_old = isinstance(data, dict) and "full_name" not in data
        return {**data, "full_name": data["name"]} if is_old else data

    await Old(id="1", name="Ada").save()
    renamed = version(
        {"full_name": Mapped[str]}, from_name=model_validator(mode="before")(from_name)
    )
    assert (await renamed.get("1")).full_name == "Ada"
    assert await renamed.find(renamed.full_name == "Ada").count() == 0
    of_type = version({"name": Annotated[Mapped[str], BeforeValidator(str)]})
    assert (await of_type.get("1")).name == "Ada"


async def test_a_type_that_was_changed_makes_documents_of_the_other_one_unreadable(stored):
    await Old(id="1", name="Ada").save()
    numbered = version({"name": Mapped[int]})
    with pytest.raises(CorruptDocumentError):
        await numbered.get("1")
    await numbered(id="2", name=5).save()
    with pytest.raises(CorruptDocumentError):
        await Old.get("2")


async def test_a_bound_is_narrowed_after_a_look_and_widened_before_it_is_used(stored):
    narrow = version({"name": Mapped[str]}, name=Field(max_length=5))
    await Old(id="1", name="Augusta").save()
    await narrow(id="2", name="Ada").save()
    with pytest.raises(CorruptDocumentError):
        await narrow.get("1")
    assert (await Old.get("2")).name == "Ada"
