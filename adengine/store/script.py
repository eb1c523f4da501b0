"""A Lua script of the store: packaged files read as one text, known to the server by its SHA-1."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """The header of each Lua file states KEYS, ARGV, units and what it returns."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    @classmethod
    def load(cls, *names: str) -> Script:
        """The concatenation of files below `adengine/`, such as ("caps/log.lua", "caps/reserve.lua")."""
        package = files("adengine")
        return cls("\n".join((package / name).read_text("utf-8") for name in names))
