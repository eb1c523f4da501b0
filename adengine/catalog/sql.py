"""Reading and writing the catalogue's rows: plain functions on a Connection, the same for every collection.

Tenancy lives here and only here: each query of a key that has an advertiser is narrowed to what that advertiser owns,
so that a foreign row is not found. Every edit begins with `begin_edit`, which queues it behind the edit before, so that
what a transaction has read of the catalogue still holds when it writes. Creatives and keys have more in their folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, insert, select, text, true, update

from adengine.catalog import ids, tables
from adengine.catalog.collections import Collection
from adengine.catalog.known import Known
from adengine.catalog.nouns import Key
from adengine.errors import Conflict, NotFound
from adengine.texts import measure, shown_label

IDS_PER_QUERY = 500
THIS_EDIT = select(tables.catalogue_version.c.version).scalar_subquery()
"""The number of the edit that `begin_edit` began; every row that it changes bears it."""
Row = dict[str, Any]

TABLES: Mapping[str, Table] = {
    "site": tables.sites,
    "slot": tables.slots,
    "advertiser": tables.advertisers,
    "campaign": tables.campaigns,
    "flight": tables.flights,
    "creative": tables.creatives,
    "key": tables.api_keys,
}
_IN_CAMPAIGN = {noun: TABLES[noun].join(tables.campaigns) for noun in ("flight", "creative")}
OWNERS: Mapping[str, ColumnElement[int]] = {
    "advertiser": tables.advertisers.c.id,
    "campaign": tables.campaigns.c.advertiser,
    "flight": tables.campaigns.c.advertiser,
    "creative": tables.campaigns.c.advertiser,
}
"""Whose a row is; what is not here is the publisher's."""
BELOW: Mapping[str, tuple[str, ...]] = {
    "site": ("slot", "key"),
    "advertiser": ("campaign", "key"),
    "campaign": ("flight", "creative"),
}
"""What is archived with a row: the nouns that hang on it by a column of its name."""


TERMS = ("starts_at_s", "ends_at_s", "price")
"""Columns of a flight that say when its flat price falls due."""


def begin_edit(connection: Connection) -> None:
    """Adds one to the catalogue's version and holds every other edit back until this transaction ends."""
    connection.execute(
        text(
            "INSERT INTO catalogue_version (id, version) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET version = catalogue_version.version + 1"
        )
    )


def find(connection: Connection, noun: str, id_: int | None, key: Key) -> Row:
    """The live row that `key` may see; raises `NotFound` for an absent, an archived and a foreign one alike."""
    query = _visible(noun, key).where(TABLES[noun].c.id == id_, TABLES[noun].c.archived_at_s.is_(None))
    row = connection.execute(query).mappings().one_or_none() if id_ is not None else None
    if row is None:
        raise NotFound(f"there is no such {noun}")
    return dict(row)


def page(
    connection: Connection,
    collection: Collection,
    key: Key,
    *,
    after: int,
    count: int,
    parent: int | None = None,
    archived: bool = False,
) -> list[Row]:
    """At most `count` rows that `key` may see, by rising id from the one behind `after`."""
    table = TABLES[collection.noun]
    query = _visible(collection.noun, key).where(table.c.id > after).order_by(table.c.id).limit(count)
    query = query.where(table.c.archived_at_s.is_not(None) if archived else table.c.archived_at_s.is_(None))
    if parent is not None and collection.parent is not None:
        query = query.where(table.c[collection.parent] == parent)
    return [dict(row) for row in connection.execute(query).mappings()]


def add(connection: Connection, noun: str, values: Mapping[str, Any], now_s: int) -> int:
    """The id of the new row; raises `Conflict` when it would clash with a live one."""
    row = _stored(noun, values)
    _check_free(connection, noun, row, own_id=0)
    standing = {"created_at_s": now_s, "updated_at_s": now_s, "revision": 1, "edit": THIS_EDIT}
    made = connection.execute(insert(TABLES[noun]).values(**row, **standing))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def change(connection: Connection, noun: str, row: Row, given: Mapping[str, Any], now_s: int) -> None:
    """Writes the `given` values into a row just found; raises `Conflict` when it would clash with a live one."""
    new = _stored(noun, given)
    _check_free(connection, noun, row | new, own_id=row["id"])
    if noun == "flight":
        _keep_terms(connection, row, row | new, now_s)
    touch(connection, noun, row["id"], now_s, new)


def _keep_terms(connection: Connection, row: Row, changed: Row, now_s: int) -> None:
    """Puts what a flat price was spread over aside, where an edit changes it: what has fallen due must not move."""
    is_flat = any(each["price"]["model"] == "flat" and each["price"]["micros"] for each in (row, changed))
    terms = tables.flight_terms
    if is_flat and any(row[name] != changed[name] for name in TERMS):
        # Of two edits in one second the first has what was in force before.
        before = select(terms.c.flight).where(terms.c.flight == row["id"], terms.c.until_s == now_s)
        if connection.execute(before).first() is None:
            connection.execute(insert(terms).values(flight=row["id"], until_s=now_s, **{n: row[n] for n in TERMS}))


def touch(connection: Connection, noun: str, id_: int, now_s: int, new: Mapping[str, Any]) -> None:
    """Writes `new` and moves the row to its next revision."""
    table = TABLES[noun]
    connection.execute(
        update(table)
        .where(table.c.id == id_)
        .values(**new, updated_at_s=now_s, revision=table.c.revision + 1, edit=THIS_EDIT)
    )


def archive(connection: Connection, noun: str, id_: int, now_s: int) -> None:
    """Takes a row and everything below it out of service, for good."""
    _archive(connection, noun, TABLES[noun].c.id == id_, now_s)


def known(connection: Connection, documents: Iterable[Any], form: Collection, key: Key, shipped: Known) -> Known:
    """`shipped` with what `documents` name of the database, as far as `key` may use it."""
    wanted = [noun for noun in OWNERS.keys() | {"site"} if noun in form.form._declared_fields]
    named = {noun: {ids.parse(noun, text) for text in _texts(documents, noun)} - {None} for noun in wanted}
    slots = _slots(connection) if form.noun == "flight" else []
    return Known(
        gazetteer=shipped.gazetteer,
        taxonomy=shipped.taxonomy,
        http_landing=shipped.http_landing,
        scopes=key.scopes,
        rows={noun: usable(connection, noun, sorted(filter(None, found)), key) for noun, found in named.items()},
        slot_names=frozenset(name for name, _ in slots),
        positions=frozenset(position for _, position in slots),
    )


def usable(connection: Connection, noun: str, wanted: Sequence[int], key: Key) -> frozenset[int]:
    """Those of the ids that live and that `key` may use."""
    table, found = TABLES[noun], set[int]()
    for start in range(0, len(wanted), IDS_PER_QUERY):
        some = wanted[start : start + IDS_PER_QUERY]
        query = select(table.c.id).where(table.c.id.in_(some), table.c.archived_at_s.is_(None), _owned(noun, key))
        found.update(connection.execute(query).scalars())
    return frozenset(found)


def _visible(noun: str, key: Key) -> Select[Any]:
    source: FromClause = _IN_CAMPAIGN.get(noun, TABLES[noun])
    return select(TABLES[noun]).select_from(source).where(_owned(noun, key))


def _owned(noun: str, key: Key) -> ColumnElement[bool]:
    owner = OWNERS.get(noun)
    return true() if key.advertiser is None or owner is None else owner == key.advertiser


def _stored(noun: str, values: Mapping[str, Any]) -> Row:
    """The columns for checked values: fields that have none are only known, not stored."""
    row = {name: value for name, value in values.items() if name in TABLES[noun].c}
    if noun == "slot" and "label" in row:
        row["label_em"] = dict(measure(shown_label(row["label"])).width_em)
    return row


def _check_free(connection: Connection, noun: str, row: Mapping[str, Any], own_id: int) -> None:
    """What one live row has, no other may: a slot's name on its site, a site's domains."""
    if noun == "slot":
        slots = tables.slots.c
        same = select(slots.id).where(
            slots.site == row["site"], slots.name == row["name"], slots.archived_at_s.is_(None)
        )
        if connection.execute(same.where(slots.id != own_id)).first():
            raise Conflict(f"its site has a slot called {row['name']} already")
    if noun == "site" and row["domains"]:
        sites = tables.sites.c
        others = select(sites.id, sites.domains).where(sites.archived_at_s.is_(None), sites.id != own_id)
        taken = {domain: id_ for id_, domains in connection.execute(others) for domain in domains}
        clash = next((domain for domain in row["domains"] if domain in taken), None)
        if clash:
            raise Conflict(f"the domain {clash} belongs to {ids.public('site', taken[clash])} already")


def _archive(connection: Connection, noun: str, which: ColumnElement[bool], now_s: int) -> None:
    table = TABLES[noun]
    live = which & table.c.archived_at_s.is_(None)
    for below in BELOW.get(noun, ()):
        _archive(connection, below, TABLES[below].c[noun].in_(select(table.c.id).where(live)), now_s)
    connection.execute(
        update(table)
        .where(live)
        .values(archived_at_s=now_s, updated_at_s=now_s, revision=table.c.revision + 1, edit=THIS_EDIT)
    )


def _texts(documents: Iterable[Any], name: str) -> set[str]:
    named = (document.get(name) for document in documents if isinstance(document, Mapping))
    return {text for text in named if isinstance(text, str)}


def _slots(connection: Connection) -> list[tuple[str, str]]:
    slots = tables.slots.c
    query = select(slots.name, slots.position).where(slots.archived_at_s.is_(None)).distinct()
    return [(name, position) for name, position in connection.execute(query)]
