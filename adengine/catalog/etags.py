"""`If-Match`: whether a change was made to what stands now (RFC 9110, 13.1.1). Pure."""

from __future__ import annotations

from adengine.errors import PreconditionFailed, PreconditionRequired


def of(revision: int) -> str:
    """An object's etag as it stands in documents; in headers it is quoted."""
    return str(revision)


def check(if_match: str | None, revision: int, *, needed: bool = True) -> None:
    """Raises `PreconditionRequired` without the header (when it is `needed`), `PreconditionFailed` when it is stale.

    Etags are taken with their quotes and without, because documents spell them without.
    """
    if if_match is None:
        if needed:
            raise PreconditionRequired("send the etag of the object that you read in If-Match")
        return
    given = [tag.strip() for tag in if_match.split(",")]
    if "*" not in given and not {of(revision), f'"{of(revision)}"'} & set(given):
        raise PreconditionFailed(f"it has changed since: its etag is {of(revision)} now")
