"""All columns of one version of the catalogue, as the compiler keeps them: an edit's rows in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from adengine.catalog.arrays import OfCreatives, arrays_of, narrow, of_creatives
from adengine.catalog.columns import Columns, Vocabulary, creative_columns, flight_columns, with_blobs
from adengine.catalog.dimensions import Dimension
from adengine.catalog.load import LANDINGS_KEPT_S, SUMMED
from adengine.catalog.mapped import VERSIONS
from adengine.catalog.nouns import Rotation
from adengine.catalog.restored import creatives_in, flights_in, landing_arrays, landings_in, words_in
from adengine.catalog.rows import Row, creative_of, flight_of
from adengine.catalog.shelf import Pressed, Texts

WASTE_MAX = 2**26
"""Bytes of texts that nobody reads any more; behind that, and the same as is read, everything is read anew."""
EDITED = ("edit", "updated_at_s")
"""Columns of flights that only prove whose they are."""
ROTATIONS = tuple(rotation.value for rotation in Rotation)


class Book:
    """One version."""

    def __init__(self, texts: Texts, dimensions: Sequence[Dimension]) -> None:
        """Empty."""
        self.version = -1
        self.last_flight = 0
        self.sums: list[int] | None = None
        """As the database had them when this was read, if it was asked."""
        self.words = Vocabulary()
        self.texts = texts
        self.campaigns: dict[int, Row] = {}
        self.advertisers: dict[int, str] = {}
        self.small: dict[str, list[Row]] = {}
        """Sites, slots, keys."""
        self._dimensions = dimensions
        nowhere = np.empty(0, np.int64)
        self._campaign_arrays: dict[str, Any] = {}
        self._of_creatives: tuple[Columns, OfCreatives] | None = None
        """As it was worked out last, and of what."""
        self.flights = _with(flight_columns((), self.words, dimensions), dict.fromkeys(EDITED, nowhere))
        self.flights = with_blobs(self.flights, nowhere, nowhere)
        self.creatives = with_blobs(creative_columns((), self.words), nowhere, nowhere)
        self.landings = Columns(dict.fromkeys(("id", "creative", "archived_at_s", "begins", "sizes"), nowhere))

    @classmethod
    def of_pressed(cls, pressed: Pressed, texts: Texts, dimensions: Sequence[Dimension]) -> Book:
        """As it was when it was put on the shelf.  texts: the pressed one's, to be appended to."""
        book, arrays, told = cls(texts, dimensions), pressed.arrays, pressed.told
        book.version, book.last_flight = pressed.version, told["last_flight"]
        book.words = words_in(arrays, told)
        book.flights = flights_in(arrays, told, book.words, dimensions)
        book.creatives, book.landings = creatives_in(arrays), landings_in(arrays)
        book.advertisers = dict(zip(*told["advertisers"], strict=True))
        columns = (arrays[f"campaigns.{name}"].tolist() for name in ("id", "advertiser", "rotation"))
        book.campaigns = {
            id_: {"advertiser": advertiser, "rotation": ROTATIONS[rotation]}
            for id_, advertiser, rotation in zip(*columns, strict=True)
        }
        return book

    @property
    def is_proven(self) -> bool:
        """Whether the database has the flights that this has."""
        flights = self.flights.rows
        return self.sums == [len(self.flights), *(int(flights[name].sum()) for name in SUMMED)]

    def sizes(self) -> dict[str, int]:
        return {"flights": len(self.flights), "creatives": len(self.creatives)}

    @property
    def is_wasteful(self) -> bool:
        columns = (self.flights, self.creatives, self.landings)
        used = sum(int(of.rows["sizes"].sum()) for of in columns)
        return self.texts.length > 2 * used + WASTE_MAX

    def taking(self, changes: Iterable[tuple[str, Sequence[Row]]], now_s: int) -> Book:
        """This book with the changes, as another one; this one stays as it was but for its words and texts."""
        new = copy(self)
        new.small, new.campaigns, new.advertisers = {}, dict(self.campaigns), dict(self.advertisers)
        gone: dict[str, set[int]] = {"flights": set(), "creatives": set(), "landings": set()}
        made: dict[str, list[Columns]] = {noun: [] for noun in gone}
        for noun, rows in _in_batches(changes):
            if noun == "version":
                new.version, new.last_flight, new.sums = (rows[0][name] for name in ("version", "last_flight", "sums"))
            elif noun in ("advertisers", "campaigns"):
                new._named(noun, rows)
            elif noun in made:
                gone[noun].update(row.get("id", row.get("creative")) for row in rows)
                if noun == "creatives":
                    gone["landings"].update(row.get("id", row.get("creative")) for row in rows)
                made[noun].append(new._columns(noun, [row for row in rows if "gone" not in row]))
            else:
                new.small.setdefault(noun, []).extend(rows)
        new.flights = self.flights.replaced(gone["flights"], made["flights"])
        new.creatives = self.creatives.replaced(gone["creatives"], made["creatives"])
        new.landings = _recent(self.landings.replaced(gone["landings"], made["landings"], by="creative"), now_s)
        return new

    def pressed(self, dimensions: Sequence[Dimension]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(arrays, what is told beside them), as `Shelf.put` takes them."""
        if self._of_creatives is None or self._of_creatives[0] is not self.creatives:
            self._of_creatives = self.creatives, of_creatives(self.creatives, self.words)
        arrays, told = arrays_of(self.flights, self._of_creatives[1], self.words, dimensions)
        arrays |= landing_arrays(self.landings) | self._campaigns_pressed()
        advertisers = sorted(self.advertisers.items())
        return arrays, told | {
            **{noun: self.small.get(noun, []) for noun in ("sites", "slots", "keys")},
            "last_flight": self.last_flight,
            "advertisers": [[id_ for id_, _ in advertisers], [name for _, name in advertisers]],
        }

    def _campaigns_pressed(self) -> dict[str, Any]:
        """Worked out when a campaign was edited."""
        if not self._campaign_arrays:
            campaigns = self.campaigns.values()
            self._campaign_arrays = {
                "campaigns.id": narrow(np.array([*self.campaigns], np.int64)),
                "campaigns.advertiser": narrow(np.array([row["advertiser"] for row in campaigns], np.int64)),
                "campaigns.rotation": np.array([ROTATIONS.index(row["rotation"]) for row in campaigns], np.int8),
            }
        return self._campaign_arrays

    def _named(self, noun: str, rows: Sequence[Row]) -> None:
        if noun == "campaigns":
            self._campaign_arrays = {}
        known: dict[int, Any] = self.advertisers if noun == "advertisers" else self.campaigns
        for row in rows:
            if "gone" in row:
                known.pop(row["id"], None)
            elif noun == "advertisers":
                known[row["id"]] = row["name"]
            else:
                known[row["id"]] = {name: row[name] for name in ("advertiser", "rotation")}

    def _columns(self, noun: str, rows: Sequence[Row]) -> Columns:
        if noun == "landings":
            return self._landings(rows)
        if noun == "flights":
            flights = [flight_of(row, self.campaigns[row["campaign"]]) for row in rows]
            columns = flight_columns(flights, self.words, self._dimensions)
            by_id = sorted(rows, key=lambda row: row["id"])
            columns = _with(columns, {name: np.array([row[name] for row in by_id], np.int64) for name in EDITED})
            told = [{"row": row, "campaign": self.campaigns[row["campaign"]]} for row in rows]
        else:
            owners = [self.campaigns[row["campaign"]]["advertiser"] for row in rows]
            creatives = [creative_of(row, owner) for row, owner in zip(rows, owners, strict=True)]
            columns = creative_columns(creatives, self.words)
            told = [{"row": row, "advertiser": owner} for row, owner in zip(rows, owners, strict=True)]
        name = "id" if noun == "flights" else "creative"
        told.sort(key=lambda of: of["row"][name])
        return with_blobs(columns, *self.texts.append([orjson.dumps(of) for of in told]))

    def _landings(self, rows: Sequence[Row]) -> Columns:
        begins, sizes = self.texts.append([row["landing_url"].encode() for row in rows])
        numbers = [row["creative"] * VERSIONS + row["version"] for row in rows]
        return Columns(
            {
                "id": np.array(numbers, np.int64),
                "creative": np.array([row["creative"] for row in rows], np.int64),
                "archived_at_s": np.array([row["archived_at_s"] or 0 for row in rows], np.int64),
                "begins": begins,
                "sizes": sizes,
            }
        )


def _with(columns: Columns, more: Mapping[str, Any]) -> Columns:
    return replace(columns, rows={**columns.rows, **more})


def _in_batches(changes: Iterable[tuple[str, Sequence[Row]]]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Without empty ones; the first, which tells the version, is one of them."""
    return ((noun, rows) for noun, rows in changes if rows)


def _recent(landings: Columns, now_s: int) -> Columns:
    """Clicks on an archived creative's last lines still arrive for a while."""
    archived_at_s = landings.rows["archived_at_s"]
    kept = (archived_at_s == 0) | (archived_at_s > now_s - LANDINGS_KEPT_S)
    if kept.all():
        return landings
    return Columns({name: column[kept] for name, column in landings.rows.items()})
