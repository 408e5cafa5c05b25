"""The operations on whole models, a file each, and the model that has them all."""

from rapyer.base import RedisModelMeta
from rapyer.model.delete import DeleteMixin
from rapyer.model.exists import ExistsMixin
from rapyer.model.load import LoadMixin
from rapyer.model.save import SaveMixin


# The metaclass is named again on every base that users derive from, here and in the mixins: for the
# type checkers a class is then no dataclass that a frozen one could not be derived from.
class AtomicRedisModel(SaveMixin, LoadMixin, DeleteMixin, ExistsMixin, metaclass=RedisModelMeta):
    """A pydantic model whose instances are RedisJSON documents.

        class User(AtomicRedisModel):
            name: str
            age: Mapped[int] = Field(default=0)

        user = User(name="Ada")
        await user.save()
        user = await User.get(user.pk)

    The documentation of models tells about keys, options (`class Config`), aliases and inheritance.
    """

    __rapyer_documents__ = True
