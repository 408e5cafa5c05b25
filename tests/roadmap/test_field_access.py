"""The roadmap's chapter "Field Access and Extraction Support": its examples, word for word."""

from __future__ import annotations

from pydantic import BaseModel
from rapyer import AtomicRedisModel


class Item(BaseModel):
    field_int: int = 0
    field_str: str = ""


class Model(AtomicRedisModel):
    field_lst: list[Item] = []
    nested_dict: dict[str, str] = {}


async def test_the_examples(server):
    saved = Model(
        field_lst=[Item(field_int=7, field_str="a"), Item(field_int=8, field_str="b")],
        nested_dict={"sub_field": "c"},
    )
    await saved.save()
    redis_id = saved.key
    for model in (Model, type(saved)):
        # Extract specific nested field
        value = await model.field_lst[0].field_int.get(redis_id)

        # Multiple nested field extractions
        values = await model.extract_fields([
            "field_lst[0].field_int",
            "field_lst[1].field_str",
            "nested_dict.sub_field"
        ], redis_id)  # fmt: skip

        assert value == 7
        assert values == {
            "field_lst[0].field_int": 7,
            "field_lst[1].field_str": "b",
            "nested_dict.sub_field": "c",
        }
        assert list(values) == [
            "field_lst[0].field_int", "field_lst[1].field_str", "nested_dict.sub_field",
        ]  # fmt: skip
