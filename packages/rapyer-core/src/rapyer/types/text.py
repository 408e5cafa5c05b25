"""Texts, and values stored as text: bytes and UUIDs."""

from __future__ import annotations

import base64
import re

from pydantic_core import core_schema

from rapyer.types.forms import by_functions

_HEX = "[0-9a-f]"
#: A UUID in the only spelling that an index finds: lower case, with hyphens.
UUID = core_schema.chain_schema(
    [
        core_schema.str_schema(
            strict=True, pattern=f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"
        ),
        core_schema.uuid_schema(strict=False),
    ],
    serialization=core_schema.to_string_ser_schema(),
)

_B64 = "[A-Za-z0-9_-]"
#: Bytes in base64 with the URL-safe alphabet and with padding (RFC 4648, section 5); the surplus
#: bits of the last letter are zero, so that there is only one spelling.
BYTES = by_functions(
    lambda value: base64.urlsafe_b64encode(value).decode(),
    base64.urlsafe_b64decode,
    core_schema.str_schema(
        strict=True,
        pattern=f"^(?:{_B64}{{4}})*(?:{_B64}[AQgw]==|{_B64}{{2}}[AEIMQUYcgkosw048]=)?$",
    ),
)

# -- NUL in text ----------------------------------------------------------------------------------
#
# An index cuts a text at its first NUL. So U+0000 is stored as the noncharacter U+FDD1, and the two
# characters that this rule needs, U+FDD0 and U+FDD1, are stored after a U+FDD0: an injective
# spelling, in keys and values alike, which affects only those who use one of the three.

#: An ASCII document without a backslash needs none of what follows; its reader looks for that.
BACKSLASH = ord("\\")
_NONCHARACTERS = b"\xef\xb7"  # how U+FDD0 and U+FDD1 begin in UTF-8
_FDD0, _FDD1 = "\ufdd0".encode(), "\ufdd1".encode()
_TO_STORED = re.compile(rb"\\(?:u0000|.)|\xef\xb7[\x90\x91]", re.DOTALL)
_FROM_STORED = re.compile(rb"\xef\xb7\x90(\xef\xb7[\x90\x91])|\xef\xb7\x91")


def hide_nul(document: bytes) -> bytes:
    """Spell a JSON text so that no text in it contains a NUL."""
    if BACKSLASH not in document and _NONCHARACTERS not in document:
        return document
    return _TO_STORED.sub(_hide, document)


def _hide(found: re.Match[bytes]) -> bytes:
    part = found[0]
    if part == rb"\u0000":
        return _FDD1
    return _FDD0 + part if part.startswith(_NONCHARACTERS) else part


def restore_nul(document: bytes) -> bytes:
    """Undo `hide_nul` on a JSON text that was read."""
    if _NONCHARACTERS not in document:
        return document
    return _FROM_STORED.sub(lambda found: found[1] or rb"\u0000", document)
