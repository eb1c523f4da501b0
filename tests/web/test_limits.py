"""The shield against a client in a loop."""

from __future__ import annotations

from tests.web.small_app import an_app, bearer


def test_a_key_in_a_loop_is_told_when_to_come_back() -> None:
    client = an_app(rate="3 per minute").test_client()
    statuses = [client.get("/v1/things", headers=bearer("manage-key")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    answer = client.get("/v1/things", headers=bearer("manage-key"))
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.get_json(force=True)["type"] == "/problems/too-many"


def test_one_key_in_a_loop_does_not_stop_another() -> None:
    client = an_app(rate="3 per minute").test_client()
    for _ in range(5):
        client.get("/v1/things", headers=bearer("manage-key"))
    assert client.get("/v1/things", headers=bearer("fill-key")).status_code == 403


def test_callers_without_key_are_told_apart_by_address() -> None:
    client = an_app(rate="1 per minute").test_client()
    asked = [
        client.get("/v1/things", environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2")
    ]
    assert asked == [401, 429, 401]


def test_routes_that_are_not_guarded_are_never_limited() -> None:
    client = an_app(rate="1 per minute").test_client()
    assert {client.get("/livez").status_code for _ in range(5)} == {200}
