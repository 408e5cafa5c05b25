"""What plugins do in the same round trip for each key that is read or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: A value that is sent along with a script.
ScriptArgument: TypeAlias = str | bytes | int


#: The name, the two parts and the arity of a policy.
Fragments: TypeAlias = tuple[str, str, str, int]


def _no_arguments() -> Sequence[ScriptArgument]:
    return ()


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Two fragments of Lua that core composes with every operation on the keys of a model.

    In both, `key` is the key, `access` is `"read"`, `"write"` or `"delete"`, and `arg` is the list
    of the policy's arguments for this call, in which both may keep something. `key_beside` names
    keys of the policy's own. In `check`, `whole` says whether a write writes the whole document.
    Fragments are function bodies, so locals stay inside them.

    Attributes:
        name: The name of the policy. Policies of different plugins must have different names.
        check: Runs for each key before the operation has written anything. It does everything that
            can fail: it checks the types of its own keys, and asks `redis.acl_check_cmd` about the
            commands that `apply` sends. It may abort the operation (`return
            redis.error_reply("...")`). For a read or a write it may decide that the key counts as
            missing (`return false`): the key is not read, no part of it is written, and a whole
            document is written over it as if there were none. It must not write, and must not
            return anything else, except true.
        apply: Runs after the operation, for each key that was touched. It must not be able to fail.
        arity: How many arguments there are.
        hides: Whether `check` may say that a key counts as missing; if so, queries run it on what
            an index counts. None means that a policy hides if it has a `check`.
        reads: Whether it takes part in reads; if not, these remain native commands.
        arguments: Gives the arguments; called by every operation, in its caller's context. Reads
            travel together if their arguments are equal.
    """

    name: str
    check: str = ""
    apply: str = ""
    arity: int = 0
    arguments: Callable[[], Sequence[ScriptArgument]] = _no_arguments
    hides: bool | None = None
    reads: bool = True

    @property
    def may_hide(self) -> bool:
        """Whether it may say that a key counts as missing."""
        return bool(self.check) if self.hides is None else self.hides

    @property
    def fragments(self) -> Fragments:
        """What scripts are made of; policies that differ only in their arguments share it."""
        return self.name, self.check, self.apply, self.arity


#: The policies of a model, in the order in which they apply.
Policies: TypeAlias = tuple[AccessPolicy, ...]
