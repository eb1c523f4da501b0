"""Lines of the scripts that keep the promise; each, removed, must make a test fail."""

from __future__ import annotations

from dataclasses import dataclass

from adengine.caps.claims import Scripts


@dataclass(frozen=True, slots=True)
class Defence:
    name: str
    line: str
    instead: str

    def __str__(self) -> str:
        return self.name

    def removed_from(self, scripts: Scripts) -> Scripts:
        without = scripts.edited(lambda text: text.replace(self.line, self.instead))
        assert without != scripts, "the defence is no longer spelled like this"
        return without
