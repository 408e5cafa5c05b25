"""Operations on whole models: core's own mixins, one module each."""

from rapyer.model.changes import ChangesMixin as ChangesMixin
from rapyer.model.delete import DeleteMixin as DeleteMixin
from rapyer.model.exists import ExistsMixin as ExistsMixin
from rapyer.model.extract import ExtractMixin as ExtractMixin
from rapyer.model.load import LoadMixin as LoadMixin
from rapyer.model.lock import LockMixin as LockMixin
from rapyer.model.save import SaveMixin as SaveMixin
from rapyer.model.update import UpdateMixin as UpdateMixin
