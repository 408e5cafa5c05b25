"""Primary keys, Redis keys, and which model a key belongs to."""

from __future__ import annotations

import copy
import pickle
from typing import Generic, Optional, TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from rapyer import (
    AbstractModelError,
    AtomicRedisModel,
    EmbeddedModel,
    Field,
    InvalidKeyError,
    Key,
    KeyChangedError,
    ModelDefinitionError,
    RedisKey,
    WrongModelError,
)
from rapyer.keys import snake_case
from typing_extensions import TypeAliasType

T = TypeVar("T")
UserId = TypeAliasType("UserId", Key[str])


class Person(AtomicRedisModel):
    id: Key[str]
    name: str = ""


class Ticket(AtomicRedisModel):
    number: Key[int]


class Device(AtomicRedisModel):
    serial: Key[UUID] = Field(default_factory=uuid4)


class Note(AtomicRedisModel):
    text: str = ""


class Shelf(AtomicRedisModel, Generic[T]):
    items: list[T] = Field(default_factory=list)


def prefix_of(model: type[AtomicRedisModel]) -> str:
    return model.key_of("1").rpartition(":")[0]


# -- prefixes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("User", "user"),
        ("UserProfile", "user_profile"),
        ("HTTPRequest", "http_request"),
        ("V2Item", "v2_item"),
        ("already_snake", "already_snake"),
        ("Page[int]", "page_int"),
        ("Page[list[OrderItem]]", "page_list_order_item"),
    ],
)
def test_a_class_name_becomes_a_prefix_in_snake_case(name, prefix):
    assert snake_case(name) == prefix


def test_the_prefix_is_made_from_the_class_name_unless_config_gives_one():
    class HotelRoom(AtomicRedisModel):
        pass

    class Booking(AtomicRedisModel):
        class Config:
            prefix = "app:booking"

    assert HotelRoom.key_of("1") == "hotel_room:1"
    assert Booking.key_of("1") == "app:booking:1"


def test_a_prefix_is_not_inherited_whatever_config_derives_from():
    class Base(AtomicRedisModel):
        class Config:
            prefix = "custom"

    class Child(Base):
        pass

    class Sibling(Base):
        class Config(Base.Config):
            pass

    assert [prefix_of(Base), prefix_of(Child), prefix_of(Sibling)] == ["custom", "child", "sibling"]


def test_a_parametrized_generic_has_a_prefix_of_its_own():
    assert prefix_of(Shelf) == "shelf"
    assert prefix_of(Shelf[int]) == "shelf_int"
    assert prefix_of(Shelf[Person]) == "shelf_person"


@pytest.mark.parametrize("other", ["taken", "taken:below"])
def test_two_models_whose_keys_could_not_be_told_apart_are_refused_with_both_names(other):
    class First(AtomicRedisModel):
        class Config:
            prefix = "taken"

    with pytest.raises(ModelDefinitionError, match=r"First and .*Second .*'taken' and"):

        class Second(AtomicRedisModel):
            class Config:
                prefix = other

    assert prefix_of(First) == "taken"


def test_a_prefix_that_another_one_begins_without_the_colon_is_fine():
    class Car(AtomicRedisModel):
        pass

    class Cart(AtomicRedisModel):
        pass

    assert (prefix_of(Car), prefix_of(Cart)) == ("car", "cart")


def test_a_class_defined_again_under_its_name_replaces_the_earlier_one():
    def define() -> type[AtomicRedisModel]:
        class Reloaded(AtomicRedisModel):
            x: int = 0

        return Reloaded

    first, second = define(), define()
    assert first is not second
    assert first.key_of("1") == second.key_of("1") == "reloaded:1"


def test_a_class_that_nothing_refers_to_any_more_holds_no_prefix():
    def define_and_forget() -> None:
        class Gone(AtomicRedisModel):
            class Config:
                prefix = "reused"

    define_and_forget()

    class Next(AtomicRedisModel):
        class Config:
            prefix = "reused"

    assert Next.key_of("1") == "reused:1"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("", "is not a string"),
        (7, "is not a string"),
        ("user:", "Write 'user'"),
        ("rapyer", "rapyer's own"),
        ("rapyer:x", "rapyer's own"),
        ("\ud800", "lone surrogate"),
        ("a\0b", "contains U\\+0000"),
    ],
)
def test_a_prefix_that_cannot_be_one_is_refused_with_the_reason(prefix, message):
    value = prefix
    with pytest.raises(ModelDefinitionError, match=message):

        class Refused(AtomicRedisModel):
            class Config:
                prefix = value


# -- primary keys ---------------------------------------------------------------------------------


def test_the_key_field_gives_pk_and_key():
    person = Person(id="ada")
    assert (person.pk, person.key) == ("ada", "person:ada")
    assert isinstance(person.key, RedisKey)
    assert (Ticket(number=-7).pk, Ticket(number=-7).key) == ("-7", "ticket:-7")
    serial = uuid4()
    assert Device(serial=serial).key == f"device:{serial}"


def test_without_a_key_field_a_pk_is_made_once_for_each_instance():
    note, other = Note(), Note()
    assert note.pk == note.pk != other.pk
    assert note.key == f"note:{note.pk}"
    assert "pk" not in note.model_dump()


def test_the_pk_of_a_new_instance_without_a_key_field_can_be_set():
    note = Note()
    note.pk = "mine"
    assert note.key == "note:mine"
    with pytest.raises(AttributeError, match="its field 'id'"):
        Person(id="1").pk = "2"


@pytest.mark.parametrize("pk", ["", "person:ada", "person:", "\ud800"])
def test_a_pk_that_cannot_be_one_is_refused_when_the_model_is_made(pk):
    with pytest.raises(ValidationError):
        Person(id=pk)


@pytest.mark.parametrize("pk", ["", "person:ada"])
def test_a_pk_that_cannot_be_one_is_refused_when_it_was_assigned(pk):
    person = Person(id="1")
    person.id = pk
    with pytest.raises(InvalidKeyError, match="cannot be a primary key of Person"):
        _ = person.key


def test_the_own_prefix_is_refused_in_a_subclass_by_the_subclass_s_prefix():
    class Employee(Person):
        pass

    assert Employee(id="person:1").key == "employee:person:1"
    with pytest.raises(ValidationError, match="starts with the model's own prefix 'employee:'"):
        Employee(id="employee:1")


@pytest.mark.parametrize(
    ("model", "given", "key"),
    [
        (Person, "ada", "person:ada"),
        (Person, "person:ada", "person:ada"),
        (Person, "a:b", "person:a:b"),
        (Person, "person", "person:person"),
        (Person, 5, "person:5"),
        (Person, Person.key_of("note:1"), "person:note:1"),
        (Person, "ключ 🔑\x01", "person:ключ 🔑\x01"),
        (Ticket, 5, "ticket:5"),
        (Ticket, "5", "ticket:5"),
        (Ticket, "ticket:5", "ticket:5"),
        (Ticket, "ticket:0005", "ticket:5"),
        (Ticket, Ticket.key_of(5), "ticket:5"),
        (
            Device,
            "A987FBC9-4BED-3078-CF07-9141BA07C9F3",
            "device:a987fbc9-4bed-3078-cf07-9141ba07c9f3",
        ),
    ],
)
def test_a_text_with_the_own_prefix_is_a_key_and_any_other_a_pk(model, given, key):
    assert model.__rapyer_identity__.resolve(given) == key


@pytest.mark.parametrize("given", ["note:1", Note.key_of("1"), "note:a:b"])
def test_the_key_of_another_model_is_refused_with_the_remedy(given):
    with pytest.raises(WrongModelError, match=r"the model Note, not of Person.*Person\.key_of\("):
        Person.__rapyer_identity__.resolve(given)


def test_a_pk_with_a_nul_is_refused():
    with pytest.raises(
        InvalidKeyError, match=r"contains U\+0000, and an index truncates a key there"
    ):
        Person.key_of("a\0b")


def test_key_of_takes_any_text_as_a_pk():
    assert Person.key_of("note:1") == "person:note:1"
    with pytest.raises(InvalidKeyError, match="starts with the model's own prefix"):
        Person.key_of("person:1")


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (Person, None),
        (Person, 1.5),
        (Person, True),
        (Person, b"1"),
        (Person, ""),
        (Ticket, "five"),
        (Ticket, " 5"),
        (Ticket, "1_0"),
        (Person, "person:"),
    ],
)
def test_what_cannot_be_a_key_is_refused(model, given):
    with pytest.raises(InvalidKeyError, match=f"{model.__name__}"):
        model.__rapyer_identity__.resolve(given)


def test_only_text_integers_and_uuids_can_be_keys():
    with pytest.raises(ModelDefinitionError, match=r"Wrong\.id is a Key of type <class 'float'"):

        class Wrong(AtomicRedisModel):
            id: Key[float]


def test_a_model_has_one_key_at_most():
    with pytest.raises(ModelDefinitionError, match="'a', 'b'"):

        class Both(AtomicRedisModel):
            a: Key[str]
            b: Key[str]


def test_an_embedded_model_has_no_key():
    with pytest.raises(ModelDefinitionError, match=r"Element\.id is a Key"):

        class Element(EmbeddedModel):
            id: Key[str]


class Late(AtomicRedisModel):
    id: Key[int]
    part: Part | None = None


assert not Late.__pydantic_complete__


class Part(EmbeddedModel):
    x: int


def test_a_key_field_is_found_when_annotations_could_not_be_resolved_at_first():
    with pytest.raises(InvalidKeyError, match="whose 'id' is a int"):
        Late.key_of("one")
    assert Late(id=1, part=Part(x=1)).key == Late.key_of("1") == "late:1"


@pytest.mark.parametrize(
    "annotation",
    [
        "Key[str] | None",
        "list[Key[str]]",
        "UserId",
    ],
)
def test_a_key_inside_another_annotation_is_refused(annotation):
    with pytest.raises(ModelDefinitionError, match=r"Wrapped\.id has a Key inside "):
        type(
            "Wrapped",
            (AtomicRedisModel,),
            {"__annotations__": {"id": annotation}, "__module__": __name__},
        )


def test_a_subclass_cannot_make_a_plain_field_of_the_key():
    with pytest.raises(ModelDefinitionError, match=r"Plainer\.id is the Key of Person"):

        class Plainer(Person):
            id: str


def test_an_instance_without_a_value_for_its_key_says_so():
    with pytest.raises(InvalidKeyError, match="no value for its key field 'id'"):
        _ = Person.model_construct(name="x").key


def test_parameters_of_the_same_name_do_not_share_a_prefix():
    def item_of(size: int) -> type[EmbeddedModel]:
        namespace = {"__annotations__": {"x": int}, "__module__": f"shop{size}"}
        return type("Item", (EmbeddedModel,), namespace)

    first, second = item_of(1), item_of(2)
    kept = Shelf[first]
    assert prefix_of(kept) == "shelf_item"
    with pytest.raises(ModelDefinitionError, match=r"shop1\.Item and .*shop2\.Item cannot be told"):
        Shelf[second]


def test_a_model_of_one_function_gives_way_to_one_of_another():
    kept = []

    def define() -> None:
        class Account(AtomicRedisModel):
            parent: Optional[Account] = None  # noqa: UP045 - typing keeps this class in a cache

        kept.append(Account)

    def define_another() -> None:
        class Account(AtomicRedisModel):
            pass

        kept.append(Account)

    define()
    define_another()
    assert [prefix_of(model) for model in kept] == ["account", "account"]


# -- abstract models ------------------------------------------------------------------------------


def test_an_abstract_base_has_no_keys_and_its_subclasses_have():
    class Document(AtomicRedisModel):
        title: str = ""

        class Config:
            abstract = True

    class Report(Document):
        pass

    assert Report.key_of("1") == "report:1"
    with pytest.raises(AbstractModelError, match="Document is abstract"):
        Document.key_of("1")
    with pytest.raises(AbstractModelError, match="Document is abstract"):
        _ = Document().key
    with pytest.raises(AbstractModelError, match="AtomicRedisModel is abstract"):
        AtomicRedisModel.key_of("1")


def test_a_parametrized_abstract_generic_is_abstract_and_its_subclasses_are_not():
    class Box(AtomicRedisModel, Generic[T]):
        content: T

        class Config:
            abstract = True

    class IntBox(Box[int]):
        pass

    assert IntBox.key_of("1") == "int_box:1"
    with pytest.raises(AbstractModelError):
        Box[int].key_of("1")


# -- copies ---------------------------------------------------------------------------------------


def test_a_copy_has_the_same_identity():
    note = Note(text="x")
    for twin in (
        note.model_copy(),
        note.model_copy(deep=True),
        copy.copy(note),
        copy.deepcopy(note),
    ):
        assert twin == note
        assert twin.key == note.key
    assert pickle.loads(pickle.dumps(note)).key == note.key


async def test_a_changed_key_of_a_stored_instance_is_refused_and_nothing_is_written(server, redis):
    person = await Person(id="1", name="Ada").save()
    person.id = "2"
    for operation in (person.save, person.load, person.delete, person.exists):
        with pytest.raises(KeyChangedError, match="'person:1' and would now be at 'person:2'"):
            await operation()
    assert await redis.keys() == [b"person:1"]
    note = await Note().save()
    note.pk = "other"
    with pytest.raises(KeyChangedError) as caught:
        await note.save()
    assert caught.value.current == "note:other"


async def test_a_copy_with_another_key_is_a_new_document(server):
    person = await Person(id="1", name="Ada").save()
    await person.model_copy(update={"id": "2"}).save()
    assert (await Person.get("2")).name == (await Person.get("1")).name == "Ada"


async def test_a_pickled_instance_remembers_where_it_is_stored(server):
    person = pickle.loads(pickle.dumps(await Person(id="1").save()))
    person.id = "2"
    with pytest.raises(KeyChangedError):
        await person.save()
