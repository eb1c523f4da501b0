"""What the scripts cost the server, in µs per call, and what a reader costs in memory.

    python -m tests.caps.cost redis://127.0.0.1:6379      (empties that store first)

Times are the server's own (`INFO commandstats`), without network and client; they are to be compared with another
version's in the same minute, on the same machine, not read by themselves.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys

from adengine.caps.claims import Pick, ReaderLog, WireCap
from adengine.store import keys
from adengine.store.client import Store, connect

READERS = 2_000
RID = b"reader-8"
NOW_S = 1_800_000_000
WEEK_S = 7 * 86_400
CAPS = ((1, 3_600, 2), (1, 86_400, 4), (3, 86_400, 6), (3, WEEK_S, 20), (4, 86_400, 10))
"""(level, window, limit)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    store = connect(parser.parse_args().url, timeout_ms=2_000)
    for records in (0, 5, 20, 100, 500):
        times = [_reserve_us(store, records, picks) for picks in (1, 3)]
        sys.stdout.write(f"{records:3d} records: 1 pick {times[0]:6.1f} µs, 3 picks {times[1]:6.1f} µs\n")
    for records in (1, 5, 20):
        sys.stdout.write(f"{records:3d} records: {_bytes_a_reader(store, records):5d} bytes a reader\n")
    store.everywhere("FLUSHALL")


def _reserve_us(store: Store, records: int, picks: int) -> float:
    _fill(store, records)
    chance, log = random.Random(1), ReaderLog(store)
    store.everywhere("CONFIG", "RESETSTAT")
    for reader in range(READERS):
        rid = reader.to_bytes(8, "little")
        page = [_pick(ad) for ad in chance.sample(range(1, 27), picks)]
        log.reserve(rid, page, bucket=rid[0], view=7, hold_s=60, retention_s=WEEK_S, now_s=NOW_S)
    stats = bytes(store.everywhere("INFO", "commandstats")[0]).decode()
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_evalsha:"))
    return float(line.split("usec_per_call=")[1].split(",")[0])


def _bytes_a_reader(store: Store, records: int) -> int:
    """Key and log after so many pages; the server's tables of keys and expiries add some 50 bytes to each reader."""
    store.everywhere("FLUSHALL")
    log, pick = ReaderLog(store), Pick(1, 1, 1, 1)
    for _ in range(records):
        log.reserve(RID, [pick], bucket=RID[0], view=7, hold_s=0, retention_s=WEEK_S, now_s=NOW_S)
    return int(store.read(("MEMORY", "USAGE", keys.reader_log(RID)))[0])


def _fill(store: Store, records: int) -> None:
    store.everywhere("FLUSHALL")
    chance = random.Random(1)
    for reader in range(READERS if records else 0):
        log = b"".join(
            struct.pack(">6I", NOW_S - chance.randrange(1, WEEK_S), *(chance.randrange(100, 900) for _ in range(4)), 3)
            for _ in range(records)
        )
        store.read(("SET", keys.reader_log(reader.to_bytes(8, "little")), log, "EX", WEEK_S))


def _pick(ad: int) -> Pick:
    caps = tuple(WireCap(level=level, window=window, limit=limit, owner=1) for level, window, limit in CAPS)
    return Pick(creative=ad, flight=ad // 2 + 1, campaign=ad // 3 + 1, advertiser=ad // 9 + 1, caps=caps)


if __name__ == "__main__":
    main()
