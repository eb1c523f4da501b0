"""The rules of invalid traffic: what the operator may set, checked whole, and their version. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

import orjson
from marshmallow import Schema, ValidationError, fields, validate

VERSION_BYTES = 6
RATE_MAX = 10_000_000
CLICK_MS_MAX = 60_000
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class RulesInvalid(ValueError):
    """One or more rules are wrong; the message has a line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Meanings and units stand beside the defaults in `config/traffic.toml`."""

    bots: bool = False
    prefetch: bool = False
    click_ms_min: int = 0
    reader_per_minute: int = 0
    address_per_minute: int = 0
    internal: tuple[Network, ...] = ()
    blocked: tuple[Network, ...] = ()
    data_centres: tuple[Network, ...] = ()
    bot_list: str = ""
    """Which edition of the bots' list."""

    @property
    def version(self) -> str:
        """Twelve letters that are other ones as soon as any rule is."""
        return blake2b(orjson.dumps(self.told(), option=orjson.OPT_SORT_KEYS), digest_size=VERSION_BYTES).hexdigest()

    def told(self) -> dict[str, Any]:
        """As JSON can say it."""
        document: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self), default=str))
        return document


class _Strict(fields.Integer):
    def __init__(self, most: int) -> None:
        super().__init__(strict=True, validate=validate.Range(0, most))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool):
            raise ValidationError("Not a valid integer.")
        return super()._deserialize(value, attr, data, **kwargs)


class _Switch(fields.Boolean):
    """true or false, and nothing that Python takes for them."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a valid boolean.")
        return value


class _Form(Schema):
    bots = _Switch()
    prefetch = _Switch()
    click_ms_min = _Strict(CLICK_MS_MAX)
    reader_per_minute = _Strict(RATE_MAX)
    address_per_minute = _Strict(RATE_MAX)
    internal = fields.List(fields.String())
    blocked = fields.List(fields.String())
    data_centres = fields.List(fields.String())


def rules_of(document: Mapping[str, Any], files: Mapping[str, str], bot_list: str) -> Rules:
    """files: the text of each file that `data_centres` names.  Raises `RulesInvalid` naming every mistake."""
    try:
        known: dict[str, Any] = dict(_Form().load(document))
    except ValidationError as error:
        said = error.messages_dict
        raise RulesInvalid("\n".join(f"{name}: {_words(said[name])}" for name in sorted(said))) from error
    mistakes: list[str] = []
    for name in ("internal", "blocked"):
        known[name] = _networks(name, known.get(name, ()), mistakes)
    lines = [
        (f"data_centres {name} line {number}", text)
        for name in known.get("data_centres", ())
        for number, line in enumerate(files[name].splitlines(), 1)
        if (text := line.partition("#")[0].strip())
    ]
    known["data_centres"] = tuple(found for where, text in lines for found in _networks(where, [text], mistakes))
    if mistakes:
        raise RulesInvalid("\n".join(mistakes))
    return Rules(**known, bot_list=bot_list)


def _networks(where: str, texts: Sequence[str], mistakes: list[str]) -> tuple[Network, ...]:
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
    return tuple(found)


def _words(said: Any) -> str:
    if isinstance(said, Mapping):
        return "; ".join(f"{at}: {_words(inner)}" for at, inner in said.items())
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)
