"""What the operator may set: one frozen object, read once at start, all mistakes at once.

Order: `config/default.toml` < the file named by ADENGINE_CONFIG < ADENGINE_… environment variables.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from adengine import zones

PREFIX = "ADENGINE_"
CONFIG = "ADENGINE_CONFIG"
DEFAULTS = Path(__file__).resolve().parent.parent / "config" / "default.toml"
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
DATABASE_SCHEMES = ("sqlite", "postgresql")
SECRET_CHARS_MIN = 32


class SettingsInvalid(Exception):
    """One or more settings are wrong; the message lists every one, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Meanings and units stand beside the defaults in `config/default.toml`."""

    bind: str
    public_url: str
    data_dir: Path
    redis_url: str
    database_url: str
    secret_key: str
    workers: int
    threads: int
    express: str
    store_timeout_ms: int
    snapshot_poll_ms: int
    hold_s: int
    stream_keep_s: int
    spool_mb: int
    audit_every_s: int
    small_cells: int
    report_keep_days: int
    private_webhooks: bool
    traffic_rules: str
    proxies: int
    timezone: str
    decision_sample: float
    decision_keep_days: int
    events_keep_days: int
    sums_keep_days: int
    reach_keep_days: int
    letter_keep_days: int
    allow_http_landing: bool
    allow_unsafe_store: bool
    log_level: str

    @property
    def host(self) -> str:
        return self.bind.rsplit(":", 1)[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rsplit(":", 1)[1])

    @property
    def embedded_store(self) -> bool:
        return not self.redis_url

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'adengine.sqlite3'}"

    @property
    def base_url(self) -> str:
        """What tokens' URLs begin with, no trailing slash."""
        return (self.public_url or f"http://{self.bind}").rstrip("/")


class _Form(Schema):
    """The type and bounds of each setting; values come as text (environment) or typed (TOML)."""

    bind = fields.String(validate=lambda value: _check_bind(value))
    public_url = fields.String(validate=lambda value: _check_public_url(value))
    data_dir = fields.String(validate=validate.Length(min=1))
    redis_url = fields.String(validate=lambda value: _check_scheme(value, REDIS_SCHEMES))
    database_url = fields.String(validate=lambda value: _check_scheme(value, DATABASE_SCHEMES))
    secret_key = fields.String(validate=lambda value: _check_secret(value))
    workers = fields.Integer(validate=validate.Range(0, 64))
    threads = fields.Integer(validate=validate.Range(1, 64))
    express = fields.String(validate=validate.OneOf(["auto", "off"]))
    store_timeout_ms = fields.Integer(validate=validate.Range(5, 50))
    snapshot_poll_ms = fields.Integer(validate=validate.Range(50, 1500))
    hold_s = fields.Integer(validate=validate.Range(1, 7200))
    stream_keep_s = fields.Integer(validate=validate.Range(60, 86400))
    spool_mb = fields.Integer(validate=validate.Range(1, 1_000_000))
    audit_every_s = fields.Integer(validate=validate.Range(0, 86400))
    small_cells = fields.Integer(validate=validate.Range(0, 1000))
    report_keep_days = fields.Integer(validate=validate.Range(1, 400))
    private_webhooks = fields.Boolean()
    traffic_rules = fields.String()
    proxies = fields.Integer(validate=validate.Range(0, 8))
    timezone = fields.String(validate=lambda value: _check_timezone(value))
    decision_sample = fields.Float(validate=validate.Range(0, 1))
    decision_keep_days = fields.Integer(validate=validate.Range(1, 400))
    events_keep_days = fields.Integer(validate=validate.Range(0, 4000))
    sums_keep_days = fields.Integer(validate=lambda value: _check_days(value, 90))
    reach_keep_days = fields.Integer(validate=lambda value: _check_days(value, 7))
    letter_keep_days = fields.Integer(validate=lambda value: _check_days(value, 3))
    allow_http_landing = fields.Boolean()
    allow_unsafe_store = fields.Boolean()
    log_level = fields.String(validate=validate.OneOf(["debug", "info", "warning", "error"]))


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings in force; raises `SettingsInvalid` naming every mistake.

    overrides: values that a command line gives, by setting name; they win over file and environment.
    """
    environ = os.environ if environ is None else environ
    given = {k.removeprefix(PREFIX).lower(): v for k, v in environ.items() if k.startswith(PREFIX) and k != CONFIG}
    given |= {name: value for name, value in overrides.items() if value is not None}
    try:
        values = _Form().load(_from_files(environ) | given)
    except ValidationError as error:
        said = sorted(cast(dict[str, list[str]], error.messages).items())
        lines = [f"{PREFIX}{name.upper()}: {' '.join(map(str, sentences))}" for name, sentences in said]
        raise SettingsInvalid("\n".join(lines)) from error
    if not values["secret_key"] and (values["redis_url"] or values["database_url"]):
        raise SettingsInvalid(
            "ADENGINE_SECRET_KEY: needed once ADENGINE_REDIS_URL or ADENGINE_DATABASE_URL is set, because all machines "
            "must share it; make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    return Settings(**values | {"data_dir": Path(values["data_dir"])})


def _from_files(environ: Mapping[str, str]) -> dict[str, Any]:
    values = tomllib.loads(DEFAULTS.read_text("utf-8"))
    extra = environ.get(CONFIG)
    if not extra:
        return values
    try:
        given = tomllib.loads(Path(extra).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"ADENGINE_CONFIG: cannot read {extra}: {error}") from error
    strange = sorted(set(given) - set(values))
    if strange:
        raise SettingsInvalid("\n".join(f"{extra}: no setting is called {name}" for name in strange))
    return values | given


def _check_bind(value: str) -> None:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValidationError("must be HOST:PORT, such as 127.0.0.1:8000")


def _check_public_url(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValidationError("must be a http(s) URL without query, such as https://ads.example")


def _check_scheme(value: str, schemes: tuple[str, ...]) -> None:
    if value and value.split(":", 1)[0].removesuffix("+psycopg") not in schemes:
        raise ValidationError(f"must begin with one of {', '.join(f'{s}:' for s in schemes)}")


def _check_days(value: int, least: int) -> None:
    if value and not least <= value <= 40_000:
        raise ValidationError(f"must be 0, for good, or between {least} and 40000")


def _check_timezone(value: str) -> None:
    if value not in zones.names():
        raise ValidationError("must be an IANA time zone, such as America/Chicago")


def _check_secret(value: str) -> None:
    if value and (len(value) < SECRET_CHARS_MIN or len(set(value)) < 10):
        raise ValidationError(f"must have at least {SECRET_CHARS_MIN} characters, not a sample or a repeated word")
