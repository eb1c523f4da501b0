"""What opens a shared report, signs its cursors and signs a posted one: HMACs, so that no secret is kept. Pure.

A link's token: `shr_<id>_<43 letters>`, over the id and when it expires; whoever changes either has no token.
A cursor: that of `reporting.paging`, a dot and 43 letters, over the report's id and the cursor.
Posts are signed as Standard Webhooks 1.0.0 says: HMAC-SHA256 over "id.timestamp.body" with a secret per report.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode, urlsafe_b64encode

_TOKEN = re.compile(r"shr_([1-9][0-9]{0,9})_([A-Za-z0-9_-]{43})", re.ASCII)
_SECRET = "whsec_"


def token(key: bytes, link: int, expires_at_s: int) -> str:
    """key: of the purpose of reports."""
    return f"shr_{link}_{_spelled(hmac.digest(key, f'link {link} {expires_at_s}'.encode(), hashlib.sha256))}"


def link_of(text: str) -> int | None:
    """The link that a token says it is of; whether it is one, `opens` tells."""
    matched = _TOKEN.fullmatch(text)
    return int(matched[1]) if matched else None


def opens(text: str, key: bytes, link: int, expires_at_s: int) -> bool:
    return hmac.compare_digest(text.encode(), token(key, link, expires_at_s).encode())


def signed_cursor(cursor: str, key: bytes, report: int) -> str:
    return f"{cursor}.{_spelled(hmac.digest(key, f'page {report} {cursor}'.encode(), hashlib.sha256))}"


def cursor_of(text: str, key: bytes, report: int) -> str | None:
    """What was signed for this report; None: it was not."""
    cursor = text.rpartition(".")[0]
    return cursor if hmac.compare_digest(text.encode(), signed_cursor(cursor, key, report).encode()) else None


def webhook_secret(key: bytes, report: int) -> str:
    return _SECRET + b64encode(_webhook_key(key, report)).decode()


def signature(key: bytes, report: int, message: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature` of a post.  message: its id."""
    signed = b".".join((message.encode(), str(at_s).encode(), body))
    return f"v1,{b64encode(hmac.digest(_webhook_key(key, report), signed, hashlib.sha256)).decode()}"


def _webhook_key(key: bytes, report: int) -> bytes:
    return hmac.digest(key, f"webhook {report}".encode(), hashlib.sha256)


def _spelled(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
