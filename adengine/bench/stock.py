"""LIMIT-STOCK: what a good engineer writes in an afternoon; an ordinary Flask view, orjson, a pooled EVALSHA.

It reads and counts a dozen fields of one reader in one script and answers 1.2 kB of JSON. It chooses nothing, caps
nothing and signs nothing: a limit to be measured against, not a peer.
"""

from __future__ import annotations

import flask
import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

FIELDS = ("d:1", "w:1", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "last", "n")
COUNT = """
local values = redis.call('HMGET', KEYS[1], unpack(ARGV, 1, 12))
redis.call('HINCRBY', KEYS[1], ARGV[3], 1)
redis.call('HINCRBY', KEYS[1], ARGV[4], 1)
redis.call('EXPIRE', KEYS[1], 86400)
return values
"""
LINE = "Ship faster with Acme Build: remote caching for every CI, free for open source, a 14-day trial for teams."


def stock_app(redis_url: str) -> flask.Flask:
    """POST /v1/decide: {"reader": {"key"}, "slots": [{"slot"}]} -> a placement for each slot."""
    app = flask.Flask(__name__)
    count = redis.Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0)).register_script(COUNT)

    @app.post("/v1/decide")
    def decide() -> flask.Response:
        asked = orjson.loads(flask.request.get_data())
        count(keys=[f"stock:{asked['reader']['key']}"], args=list(FIELDS))
        placements = [
            {"slot": slot["slot"], "creative": "cr_1", "text": LINE, "url": "/c/1"} for slot in asked["slots"]
        ]
        return flask.Response(orjson.dumps({"placements": placements}), mimetype="application/json")

    return app
