"""What a user sees with the plugins installed. A line marked `# error` must be one in both checkers."""

from __future__ import annotations

from rapyer import AtomicRedisModel, Field, Key, Mapped
from rapyer_audit import Actor, AuditEntry, AuditMixin
from rapyer_finder import Finding
from typing_extensions import assert_type


class User(AtomicRedisModel):
    id: Key[str]
    age: Mapped[int] = Field(default=0)


class AppModel(AtomicRedisModel, AuditMixin):
    class Config:
        abstract = True
        audit = True


class Order(AppModel):
    total: int = 0
    by: Actor = Actor("clerk", "ada")


class Fixed(AtomicRedisModel, frozen=True):
    name: Mapped[str]


async def good(user: User, order: Order) -> None:
    assert_type(User.find(User.age == 3), Finding[User])
    assert_type(User.find().limit(3), Finding[User])
    assert_type(await User.find().limit(3).to_list(), list[User])
    assert_type(await User.find_one(True), User | None)
    assert_type(await Order.find().to_list(), list[Order])
    assert_type(await order.audit_log(limit=3), list[AuditEntry])
    assert_type((await order.audit_log())[0].actor, Actor | None)
    assert_type(await User.get("1"), User)
    assert_type(await order.save(), Order)
    assert_type(user.age, int)
    assert_type(Fixed(name="x").name, str)
    assert_type(await Fixed.find().to_list(), list[Fixed])


async def bad(user: User, order: Order) -> None:
    User.find("nope")  # error
    User.findd()  # error
    User.find().limit("3")  # error
    User.find().limt(3)  # error
    await User.find_one()  # error
    (await User.find_one(True)).age  # error
    User(id="1", agee=3)  # error
    await order.audit_log(limit="3")  # error
    await order.audit_log(3)  # error
    await order.audit_logs()  # error
    await user.audit_log()  # error
    User.bulk_insert([user])  # error
    user.pipeline()  # error
    await user.get_ttl()  # error
