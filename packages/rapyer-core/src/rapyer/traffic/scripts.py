"""Operations as Lua scripts, composed with the access policies of a model.

There is one script for each combination of an operation and a set of policies: a bounded number,
each loaded on the server once. A model without policies sends native commands instead.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from rapyer.traffic.beside import KEY_BESIDE
from rapyer.traffic.policies import Fragments, Policies, ScriptArgument


@dataclass(frozen=True, slots=True, eq=False)  # each exists once, and is found by its identity
class Operation:
    """An operation on documents that can run as a script.

    Attributes:
        name: Its name, for messages.
        body: Lua that ends by returning the reply (`return`). `arg` is the list of its arguments.
            It calls `check(key, access)` before it reads or writes a key, and
            `touched(key, access)` after that. `check` gives false if a key that is read counts as
            missing. If a key that is partly written counts as missing, `check` aborts with
            `RAPYERMISSING`; operations on many keys can ask for false instead:
            `check(key, 'write', nil, true)`. Before the whole document is written,
            `check(key, 'write', true)` gives `'absent'` for such a key. `policies` has as many
            elements as there are policies; if there are none, neither need be called.
        writes: Whether it writes.
        library: Lua that takes long to run and returns a value, available to `body` as `library`.
            It must not depend on the call. If the server keeps functions, it runs once; otherwise
            it runs with each call.
        changes_documents: Whether it writes documents. An operation that only writes what is kept
            beside them (locks, indexes) leaves nothing about a document unknown if its reply is
            lost.
    """

    name: str
    body: str
    writes: bool
    library: str = ""
    changes_documents: bool = True

    @property
    def leaves_outcome(self) -> bool:
        """Whether it is unknown what documents hold if its reply is lost."""
        return self.writes and self.changes_documents


@dataclass(frozen=True, slots=True)
class Script:
    """An operation composed with policies.

    Attributes:
        operation: The operation.
        text: The whole script.
        sha: Its name on the server.
        function: The same as a library with one function; None for an operation without a library.
        function_name: The name of both on the server, which differs for different texts.
    """

    operation: Operation
    text: str
    sha: str
    function: str | None = None
    function_name: str = ""


def arguments_of(policies: Policies) -> list[ScriptArgument]:
    """Ask policies for their arguments, for one command.

    Raises:
        ValueError: A policy gave a different number of arguments than it declared.
    """
    everything: list[ScriptArgument] = []
    for policy in policies:
        given = policy.arguments()
        if isinstance(given, str | bytes) or len(given) != policy.arity:
            raise ValueError(
                f"the access policy {policy.name!r} returned {given!r} as its arguments, but has "
                f"an arity of {policy.arity}. Return a list or tuple of that length."
            )
        everything.extend(given)
    return everything


#: What is sent after a write has to be permitted before it, because nothing can be undone.
_PERMIT = """
local function permit(...)
    if not redis.acl_check_cmd(...) then
        error(redis.error_reply('NOPERM the user may not run ' .. select(1, ...)
            .. '. Nothing was written.'))
    end
end
"""
_PROLOGUE = """
local policies = {}
local function check(key, access, whole, asks)
    local counts_as_absent = false
    for number = 1, #policies do
        local policy = policies[number]
        local verdict = policy.check(key, access, policy.arg, whole)
        if verdict == false and access == 'read' then return false end
        if verdict == false and access == 'write' then
            if asks then return false end
            if not whole then error(redis.error_reply('RAPYERMISSING')) end
            counts_as_absent = true
        elseif type(verdict) == 'table' and verdict.err then
            error(verdict)
        elseif type(verdict) ~= 'boolean' and verdict ~= nil then
            error(redis.error_reply('ERR the check of an access policy returned '
                .. tostring(verdict) .. ', which is not valid. Return redis.error_reply(...), '
                .. 'false, true or nothing.'))
        end
    end
    return not counts_as_absent or 'absent'
end
local seen, accesses, seen_size = {}, {}, 0
local function touched(key, access)
    seen_size = seen_size + 1
    seen[seen_size], accesses[seen_size] = key, access
end
"""
#: `FUNCTION LOAD` runs a text in which only `redis.register_function` is available so far.
_FUNCTION = """#!lua name={name}
local library
local function make_library()
{library}
end
redis.register_function('{name}', function(KEYS, ARGV)
if not library then library = make_library() end
{text}
end)
"""
_LIBRARY = """
local library = (function()
{library}
end)()
"""
_ALONE = """
local policies = {{}}
local function check() return true end
local function touched() end
local function operation(arg)
{body}
end
return operation(ARGV)
"""
_POLICY = """
policies[#policies + 1] = {{
    arg = {{{arguments}}},
    check = function(key, access, arg, whole)
        {check}
    end,
    apply = function(key, access, arg)
        {apply}
    end,
}}
"""
_EPILOGUE = """
local function operation(arg)
{body}
end
local arg = {{}}
if #ARGV < 7000 then
    arg = {{unpack(ARGV, {first})}}
else  -- more than unpack can give
    for index = {first}, #ARGV do arg[#arg + 1] = ARGV[index] end
end
local reply = operation(arg)
for place = 1, seen_size do
    for number = 1, #policies do
        local policy = policies[number]
        policy.apply(seen[place], accesses[place], policy.arg)
    end
end
return reply
"""


def compose(operation: Operation, policies: Policies) -> Script:
    """Compose an operation and the policies of a model into one script.

    All checks come before the operation, and everything that `apply` does comes after it. If an
    operation fails or is aborted, nothing is applied.
    """
    return _compose(operation, tuple([policy.fragments for policy in policies]))


@lru_cache(maxsize=1024)
def _compose(operation: Operation, policies: tuple[Fragments, ...]) -> Script:
    text = _text_with(operation, policies) if policies else _ALONE.format(body=operation.body)
    if "permit(" in operation.body:
        text = _PERMIT + text
    if "key_beside(" in text:
        text = KEY_BESIDE + text
    if not operation.library:
        return Script(operation, text, _sha(text))
    library = operation.library
    if "permit(" in library:
        library = _PERMIT + library
    name = f"rapyer_{operation.name}_{_sha(library + text)}"
    function = _FUNCTION.replace("{name}", name).replace("{text}", text)
    text = _LIBRARY.replace("{library}", library) + text
    return Script(operation, text, _sha(text), function.replace("{library}", library), name)


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _text_with(operation: Operation, policies: tuple[Fragments, ...]) -> str:
    parts, first = [_PROLOGUE], 1
    for _, check, apply, arity in policies:
        positions = range(first, first + arity)
        arguments = ", ".join(f"ARGV[{position}]" for position in positions)
        parts.append(_POLICY.format(arguments=arguments, check=check, apply=apply))
        first += arity
    parts.append(_EPILOGUE.format(body=operation.body, first=first))
    return "".join(parts)
