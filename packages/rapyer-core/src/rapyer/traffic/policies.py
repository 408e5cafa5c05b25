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
    of the policy's arguments for this call, which both may keep something in; `key_beside` names
    keys of the policy's own. In `check`, `whole` says of a write whether the whole document is
    written. Fragments are bodies of functions: locals stay in them.

    Attributes:
        name: Names the policy. Of several plugins none may have the name of another's.
        check: Runs before the operation has written anything, for each key. It does all that can
            fail, looks at the types of keys of its own and asks `redis.acl_check_cmd` for the
            commands that `apply` sends. It may abort the operation (`return
            redis.error_reply("...")`), and for a read or a write give the verdict that the key
            counts as missing (`return false`): it is not read, no part of it is written, and a
            whole document is written over it as where there is none. It must not write, and
            returns nothing else, or true.
        apply: Runs after the operation, for each key that was touched. It must not be able to fail.
        arity: How many arguments there are.
        hides: Whether `check` may say that a key counts as missing: then queries ask it of what an
            index counts. None stands for what has a `check`.
        reads: Whether it has a part in reads; without, these stay native commands.
        arguments: Gives them; called by every operation, in the context of its caller. Reads travel
            together where they are equal.
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
        """Whether it may say of a key that it counts as missing."""
        return bool(self.check) if self.hides is None else self.hides

    @property
    def fragments(self) -> Fragments:
        """What scripts are made of: policies that differ in their arguments alone share them."""
        return self.name, self.check, self.apply, self.arity


#: The policies of a model, in the order in which they apply.
Policies: TypeAlias = tuple[AccessPolicy, ...]
