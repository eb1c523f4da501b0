"""What reports that are kept, shared and sent go by, beside the database. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from adengine.counting.keyring import key_for
from adengine.reporting.calendar import DAY_S
from adengine.settings import Settings

PURPOSE = "reports"
"""Of the key that links and webhooks' secrets are derived from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    key: bytes
    base_url: str
    private_webhooks: bool
    """Posts may go to http and to addresses that are nobody's in public."""
    keep_s: int
    """How long what was made in the background, or written by a schedule, is kept."""


def terms_of(settings: Settings) -> Terms:
    return Terms(
        key=key_for(PURPOSE, settings.secret_key),
        base_url=settings.base_url,
        private_webhooks=settings.private_webhooks,
        keep_s=settings.report_keep_days * DAY_S,
    )
