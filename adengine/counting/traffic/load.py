"""Reads the rules' files."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

from adengine.counting.traffic.rules import Rules, RulesInvalid, rules_of
from adengine.errors import Unsafe
from adengine.settings import DEFAULTS

DEFAULT_RULES = DEFAULTS.with_name("traffic.toml")
BOT_LIST = "crawler-user-agents"


def load(file: str = "") -> Rules:
    """The defaults, and what the named file says instead, if any; raises `Unsafe` naming every mistake."""
    path = Path(file) if file else None
    document = tomllib.loads(DEFAULT_RULES.read_text("utf-8"))
    folder = DEFAULT_RULES.parent
    if path is not None:
        document |= _read(path)
        folder = path.resolve().parent
    try:
        lists = document.get("data_centres")
        named = [name for name in lists if isinstance(name, str)] if isinstance(lists, list) else []
        files = {name: _text(folder / name) for name in named}
        return rules_of(document, files, f"{BOT_LIST} {version(BOT_LIST)}")
    except RulesInvalid as error:
        raise Unsafe(f"the traffic rules in {path or DEFAULT_RULES} are wrong:\n{error}") from error


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise Unsafe(f"the traffic rules in {path} are no TOML: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unsafe(f"the traffic rules' file {path} cannot be read: {error}") from error
