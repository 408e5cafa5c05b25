"""What tests ask of the text of a query, as it is sent to the server."""

from __future__ import annotations


def top_level(text: str) -> list[str]:
    """The parts of a conjunction that stand in no parentheses."""
    parts, depth = [""], 0
    for character in text.replace("[(", "[<"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == " " and depth == 0 and "[" not in parts[-1].rpartition("]")[2]:
            parts.append("")
        else:
            parts[-1] += character
    return [part.replace("[<", "[(") for part in parts]


def without_outer_nots(text: str) -> list[str]:
    """The same parts, those that are negated as a whole without their NOT."""
    return [part[3:-2] if part.startswith("(-(") else part for part in top_level(text)]
