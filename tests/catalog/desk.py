"""The management API over HTTP as its callers see it: an app on a real database, and a key for each kind of caller."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import flask
import sqlalchemy as sa

from adengine import topics
from adengine.catalog import api, tables
from adengine.catalog.keys import sql as keys
from adengine.catalog.known import Known
from adengine.places import Gazetteer
from adengine.store import sql
from adengine.web import auth, manners, openapi, problems

NOW_S = 1_757_203_200
"""7 September 2025, 00:00 UTC."""
SCOPES = ("fill", "manage", "review", "report", "admin")
VARIANTS = [
    {"role": "brand", "text": "QWIKET"},
    {"role": "short", "text": "QWIKET: Elevate your fantasy game!"},
    {"role": "long", "text": "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge."},
]


class Answer:
    """What came back, read."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.media_type: str | None = response.mimetype
        self.body: Any = json.loads(response.data) if response.data else None

    @property
    def pointers(self) -> list[str]:
        """Where the mistakes are, in order."""
        return [mistake["pointer"] for mistake in self.body["errors"]]


class Desk:
    """A client of the API. `desk("POST", "/v1/sites", {...}, key="manage")`."""

    def __init__(self, engine: sa.Engine, gazetteer: Gazetteer) -> None:
        self.engine = engine
        self.now_s = NOW_S
        self.known = Known(gazetteer=gazetteer, taxonomy=topics.load())
        self.app = flask.Flask("desk", static_folder=None)
        manners.install(self.app)
        problems.install(self.app)
        auth.install(self.app, lambda digest: keys.key_of(engine, digest))
        self.api = openapi.install(self.app)
        self.api.register_blueprint(api.blueprint(engine, gazetteer, topics.load(), clock=lambda: self.now_s))
        self._keys: dict[str, str] = {}

    def empty(self) -> Desk:
        """The same desk on an empty database, at `NOW_S`."""
        with sql.writing(self.engine) as connection:
            for table in reversed(sql.metadata.sorted_tables):
                connection.execute(sa.delete(table))
        self.now_s = NOW_S
        self._keys = {}
        return self

    def key(self, *scopes: str, **bound: str) -> str:
        """A new key, as the operator makes one."""
        document = {"name": "a test", "scopes": list(scopes), **bound}
        return keys.create(self.engine, document, self.known, self.now_s).key

    def key_for(self, scope: str) -> str:
        """The key of a scope; anything else is a key itself."""
        if scope in SCOPES and scope not in self._keys:
            self._keys[scope] = self.key(scope)
        return self._keys.get(scope, scope)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "manage",
        raw: bytes | None = None,
        media_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        """key: one of `SCOPES`, a key itself, or None.  headers: with underscores for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Authorization"] = f"Bearer {self.key_for(key)}"
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        client = self.app.test_client()
        return Answer(
            client.open(
                path,
                method=method,
                data=content,
                headers=sent,
                content_type=media_type if content is not None else None,
            )
        )

    def made(self, path: str, body: Any, **options: Any) -> dict[str, Any]:
        """The object that a POST made."""
        answer = self("POST", path, body, **options)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    def a_site(self, **fields: Any) -> dict[str, Any]:
        return self.made("/v1/sites", {"name": "News", "timezone": "America/Chicago"} | fields)

    def a_slot(self, **fields: Any) -> dict[str, Any]:
        site = fields.pop("site", None) or self.a_site()["id"]
        return self.made("/v1/slots", {"site": site, "name": "article-header", "position": "header"} | fields)

    def an_advertiser(self, **fields: Any) -> dict[str, Any]:
        return self.made("/v1/advertisers", {"name": "QWIKET"} | fields)

    def a_campaign(self, **fields: Any) -> dict[str, Any]:
        advertiser = fields.pop("advertiser", None) or self.an_advertiser()["id"]
        return self.made("/v1/campaigns", {"advertiser": advertiser, "name": "Autumn", "currency": "USD"} | fields)

    def a_flight(self, **fields: Any) -> dict[str, Any]:
        return self.made("/v1/flights", self.flight_document(**fields))

    def a_creative(self, **fields: Any) -> dict[str, Any]:
        return self.made("/v1/creatives", self.creative_document(**fields))

    def an_approved(self, **fields: Any) -> dict[str, Any]:
        made = self.a_creative(**fields)
        assert self("POST", f"/v1/creatives/{made['id']}:submit").status == 200
        return dict(self("POST", f"/v1/creatives/{made['id']}:approve", key="review").body)

    def flight_document(self, **fields: Any) -> dict[str, Any]:
        campaign = fields.pop("campaign", None) or self.a_campaign()["id"]
        return {"campaign": campaign, "starts_at": "2026-01-01T00:00:00Z"} | fields

    def creative_document(self, **fields: Any) -> dict[str, Any]:
        campaign = fields.pop("campaign", None) or self.a_campaign()["id"]
        return {"campaign": campaign, "landing_url": "https://qwiket.example/play", "variants": VARIANTS} | fields

    def one_of_each(self) -> dict[str, str]:
        """The id of a live object by noun, all hanging together."""
        site = self.a_site()["id"]
        campaign = self.a_campaign()
        named = {"name": "a key", "scopes": ["fill"]}
        return {
            "site": site,
            "slot": self.a_slot(site=site)["id"],
            "advertiser": campaign["advertiser"],
            "campaign": campaign["id"],
            "flight": self.a_flight(campaign=campaign["id"])["id"],
            "creative": self.a_creative(campaign=campaign["id"])["id"],
            "key": self.made("/v1/keys", named, key="admin")["id"],
        }

    def stored(self) -> dict[str, list[str]]:
        """All rows of the catalogue by table, to see that nothing was changed. Keys are left out: callers make them."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(str, connection.execute(sa.select(table))))
                for table in vars(tables).values()
                if isinstance(table, sa.Table) and table.name not in ("catalogue_version", "api_keys")
            }
