"""Stored forms of text, where they matter to the meaning of an expression."""

from __future__ import annotations


def stored_text(text: str) -> str:
    """Return a text as it is stored in a document: without U+0000, at which an index would cut it.

    U+0000 is stored as U+FDD1, and the two characters that this uses are stored after a U+FDD0 (see
    docs/storage.md). All engines order texts by the code points of this form.
    """
    if "\0" not in text and "\ufdd0" not in text and "\ufdd1" not in text:
        return text
    doubled = text.replace("\ufdd0", "\ufdd0\ufdd0").replace("\ufdd1", "\ufdd0\ufdd1")
    return doubled.replace("\0", "\ufdd1")
