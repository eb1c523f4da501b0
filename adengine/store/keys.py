"""Every key in Valkey/Redis, spelled here and nowhere else.

All keys of one reader and the stream of their events carry the same bucket tag `{bNNN}`, so that one script
reserves, confirms and appends atomically, on a cluster too. NNN is the first byte of the reader's id `rid`;
a request without a reader takes the last byte of its request id (the first bytes of a ULID are its clock).

    fc:{bNNN}:<rid>      STRING  the reader log, 24-byte records (layout: caps/log.lua)
    ft:{bNNN}:<rid>      HASH    lifetime counts "<owner flight>:<level>:<id>" -> n
    ev:{bNNN}:<request>  STRING  what of the request has been recorded, a byte a pick (layout: counting/record.lua)
    rt:{bNNN}:<rid>      STRING  the reader's beacons of this minute, for the rate of invalid traffic
    st:{bNNN}            STREAM  events on their way to the rollups
    ep:{bNNN}            STRING  the stream's epoch, set once, random

What belongs to no reader:

    g:{f<flight>}        HASH    what was leased of the flight's budget lately (layout: pacing/lease.lua)
    p:{pacing}:leader    STRING  who paces, while he lives
    p:{pacing}:sheet     STRING  what he told the workers last (layout: pacing/sheet.py)
    p:{pacing}:number    STRING  the number of that sheet
"""

from __future__ import annotations

from binascii import b2a_base64

BUCKETS = 256


def bucket_of(rid: bytes | None, request_id: bytes) -> int:
    """The bucket, 0..255, of a request: by its reader (8 bytes) or, without one, by its own 16-byte id."""
    return rid[0] if rid is not None else request_id[-1]


def tag(bucket: int) -> str:
    return _TAGS[bucket]


_TAGS = tuple(f"{{b{bucket:03d}}}" for bucket in range(BUCKETS))


def reader_text(rid: bytes) -> str:
    """The 11 base64url characters that name a reader in a key."""
    return b2a_base64(rid, newline=False).translate(_TO_URL, b"=").decode("ascii")


_TO_URL = bytes.maketrans(b"+/", b"-_")


def reader_log(rid: bytes) -> str:
    return of_reader(rid)[0]


def reader_totals(rid: bytes) -> str:
    return of_reader(rid)[1]


def of_reader(rid: bytes) -> tuple[str, str]:
    """(his log, his totals)."""
    tag, text = _TAGS[rid[0]], reader_text(rid)
    return f"fc:{tag}:{text}", f"ft:{tag}:{text}"


def reader_rate(rid: bytes) -> str:
    return f"rt:{tag(rid[0])}:{reader_text(rid)}"


def request_bits(bucket: int, request_id: bytes) -> str:
    return f"ev:{tag(bucket)}:{reader_text(request_id)}"


def stream(bucket: int) -> str:
    return f"st:{tag(bucket)}"


def epoch(bucket: int) -> str:
    return f"ep:{tag(bucket)}"


_OF_BUCKET = tuple((stream(bucket), epoch(bucket)) for bucket in range(BUCKETS))


def of_bucket(bucket: int) -> list[str]:
    """These two."""
    return [*_OF_BUCKET[bucket]]


def leased(flight: int) -> str:
    return f"g:{{f{flight}}}"


PACER, SHEET, SHEET_NUMBER = "p:{pacing}:leader", "p:{pacing}:sheet", "p:{pacing}:number"
LEARNT, LEARNT_NUMBER = "p:{pacing}:learnt", "p:{pacing}:learnt-number"
FORGOTTEN = "forgotten"
"""ZSET  readers (rid, hex) who were forgotten, by when, until every machine's decision log has forgotten them too."""
INSTALLATION = "adengine:installation"
"""STRING  the random id that ties this store to its database (`store.doctor`)."""
