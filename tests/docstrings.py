"""Docstrings in Google's style, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SECTIONS = ("Args", "Attributes", "Raises", "Returns", "Yields")


@dataclass(frozen=True)
class Docstring:
    """A docstring in Google's style, taken apart.

    Attributes:
        summary: Its first paragraph, on one line.
        text: What stands before and between its sections.
        sections: The entries of each section by their names; those of `Returns` under "".
    """

    summary: str
    text: str
    sections: Mapping[str, Mapping[str, str]]
    twice: tuple[str, ...] = ()

    def entries(self, *names: str) -> dict[str, str]:
        return {key: text for name in names for key, text in self.sections.get(name, {}).items()}


def taken_apart(doc: str) -> Docstring:
    """Read a docstring without the indentation of its definition."""
    sections: dict[str, dict[str, str]] = {}
    text: list[str] = []
    twice: list[str] = []
    section: dict[str, str] | None = None
    last = ""
    for line in doc.splitlines():
        heading = line.rstrip(":")
        if line.endswith(":") and heading in SECTIONS:
            section = sections.setdefault(heading, {})
            last = ""
        elif section is None or (line and not line.startswith(" ")):
            section = None
            text.append(line)
        elif heading and not line.startswith("     ") and set(sections) and _is_listed(sections):
            last, _, rest = line.strip().partition(":")
            twice += [one for one in last.split(", ") if any(one in e.split(", ") for e in section)]
            section[last] = rest.strip()
        elif last or not _is_listed(sections):
            section[last] = f"{section.get(last, '')} {line.strip()}".strip()
    paragraphs = doc.split("\n\n")
    return Docstring(
        " ".join(paragraphs[0].split()), "\n".join(text), sections, tuple(dict.fromkeys(twice))
    )


def _is_listed(sections: Mapping[str, object]) -> bool:
    return next(reversed(sections)) not in ("Returns", "Yields")
