"""A creative's way through review: versions that never change once submitted, and an approved one that serves on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from adengine.catalog.creatives.states import STEPS, VERSION_MAX, Standing, edited, step
from adengine.catalog.nouns import State
from adengine.catalog.tables import creative_versions
from adengine.errors import Conflict
from tests.catalog.desk import VARIANTS, Answer, Desk

URL = "https://qwiket.example/second"
REASON = {"reason": "the brand is missing in line 3"}


def standing(
    state: State = State.DRAFT, *, latest: int = 1, serving: int | None = None, paused: bool = False
) -> Standing:
    return Standing(latest=latest, state=state, serving=serving, paused=paused)


LEADS = {
    ("submit", State.DRAFT, False): State.PENDING,
    ("approve", State.PENDING, False): State.APPROVED,
    ("approve", State.PENDING, True): State.APPROVED,
    ("reject", State.PENDING, False): State.REJECTED,
    ("reject", State.PENDING, True): State.REJECTED,
    ("submit", State.DRAFT, True): State.PENDING,
}


@pytest.mark.parametrize("verb", ["submit", "approve", "reject"])
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("paused", [False, True])
def test_only_the_published_steps_lead_anywhere(verb: str, state: State, paused: bool) -> None:
    at, to = standing(state, paused=paused), LEADS.get((verb, state, paused))
    if to is None:
        with pytest.raises(Conflict, match=f"cannot {verb}"):
            step(verb, at)
        return
    stepped = step(verb, at)
    assert stepped.decided == (1, to) and stepped.standing.state is to and stepped.standing.paused is paused
    assert stepped.standing.serving == (1 if to is State.APPROVED else None)


def test_pausing_and_resuming_leave_the_review_alone() -> None:
    for state in State:
        paused = step("pause", standing(state)).standing
        assert paused.status == "paused" and paused.state is state
        assert step("resume", paused).standing == standing(state)
        for verb, at in (("pause", paused), ("resume", standing(state))):
            with pytest.raises(Conflict):
                step(verb, at)


def test_a_rejected_successor_leaves_the_served_version_and_a_second_rejection_withdraws_it() -> None:
    at = standing(State.PENDING, latest=2, serving=1)
    first = step("reject", at)
    assert first.decided == (2, State.REJECTED) and first.standing.serving == 1
    second = step("reject", first.standing)
    assert second.decided == (1, State.REJECTED) and second.standing.serving is None


def test_an_edit_of_anything_but_a_draft_waits_for_review_as_the_next_version() -> None:
    assert edited(standing()) == standing()
    for state in (State.PENDING, State.APPROVED, State.REJECTED):
        assert edited(standing(state, serving=1)) == standing(State.PENDING, latest=2, serving=1)
    with pytest.raises(Conflict):
        edited(standing(State.APPROVED, latest=VERSION_MAX))


def take(desk: Desk, id_: str, verb: str, body: Any = None, **headers: str) -> Answer:
    return desk(
        "POST",
        f"/v1/creatives/{id_}:{verb}",
        body,
        key="review" if verb in ("approve", "reject") else "manage",
        **headers,
    )


def change(desk: Desk, id_: str, **fields: Any) -> Answer:
    return desk("PATCH", f"/v1/creatives/{id_}", fields, If_Match="*")


def test_a_creative_goes_from_draft_to_approved(desk: Desk) -> None:
    made = desk.a_creative()
    assert (made["status"], made["version"], made["serving_version"]) == ("draft", 1, None)
    desk.now_s += 10
    pending = take(desk, made["id"], "submit").body
    assert (pending["status"], pending["review"]["submitted_at"]) == ("pending", "2025-09-07T00:00:10Z")
    approved = take(desk, made["id"], "approve").body
    assert (approved["status"], approved["serving_version"]) == ("approved", 1)
    assert take(desk, made["id"], "approve").status == take(desk, made["id"], "submit").status == 409


def test_an_edit_of_an_approved_creative_waits_while_the_old_version_serves(desk: Desk) -> None:
    old = desk.an_approved()
    new = change(desk, old["id"], landing_url=URL).body
    assert (new["version"], new["status"], new["serving_version"]) == (2, "pending", 1)
    assert new["landing_url"] == URL and new["variants"] == old["variants"]
    with desk.engine.connect() as connection:
        urls = {row.version: row.landing_url for row in connection.execute(sa.select(creative_versions))}
    assert urls == {1: old["landing_url"], 2: URL}
    rejected = take(desk, old["id"], "reject", REASON).body
    assert (rejected["status"], rejected["serving_version"], rejected["review"]["reason"]) == (
        "rejected",
        1,
        REASON["reason"],
    )
    third = change(desk, old["id"], landing_url=URL + "/3").body
    assert (third["version"], third["status"], third["review"]["reason"]) == (3, "pending", None)
    assert take(desk, old["id"], "approve").body["serving_version"] == 3


def test_a_draft_is_edited_in_place_and_an_empty_edit_changes_nothing(desk: Desk) -> None:
    made = desk.a_creative()
    assert change(desk, made["id"], landing_url=URL).body["version"] == 1
    approved = desk.an_approved()
    assert change(desk, approved["id"]).body == approved
    assert change(desk, approved["id"], variants=VARIANTS).body == approved


def test_a_paused_creative_keeps_its_place_in_review(desk: Desk) -> None:
    id_ = desk.an_approved()["id"]
    paused = take(desk, id_, "pause").body
    assert (paused["status"], paused["review"]["state"], paused["serving_version"]) == ("paused", "approved", 1)
    assert take(desk, id_, "resume").body["status"] == "approved"


def test_reviews_list_what_is_pending_with_the_text_to_judge(desk: Desk) -> None:
    desk.a_creative()
    approved = desk.an_approved()["id"]
    waiting = desk.a_creative()["id"]
    take(desk, waiting, "submit")
    change(desk, approved, landing_url=URL)
    archived = desk.a_creative()["id"]
    take(desk, archived, "submit")
    desk("DELETE", f"/v1/creatives/{archived}")
    page = desk("GET", "/v1/reviews?limit=1", key="review").body
    assert [item["landing_url"] for item in page["items"]] == [URL]
    rest = desk("GET", f"/v1/reviews?limit=1&cursor={page['next']}", key="review").body
    assert [item["id"] for item in rest["items"]] == [waiting] and rest["next"] is None


def test_a_reviewer_who_sends_the_etag_cannot_approve_what_he_has_not_seen(desk: Desk) -> None:
    id_ = desk.a_creative()["id"]
    seen = take(desk, id_, "submit").headers["ETag"]
    change(desk, id_, landing_url=URL)
    assert take(desk, id_, "approve", If_Match=seen).status == 412
    assert desk("GET", f"/v1/creatives/{id_}").body["status"] == "pending"


def test_of_eight_decisions_at_once_one_is_taken(desk: Desk) -> None:
    id_ = desk.a_creative()["id"]
    take(desk, id_, "submit")
    desk.key_for("review")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: take(desk, id_, *(("approve",) if n % 2 else ("reject", REASON))), range(8)))
    decided = [answer.body["status"] for answer in answers if answer.status == 200]
    assert decided[0] in ("approved", "rejected") and len(decided) <= 2
    # A rejection that arrives after the approval withdraws it; nothing else may follow a decision.
    assert len(decided) == 1 or sorted(decided) == ["approved", "rejected"]


@pytest.mark.parametrize(("verb", "body", "pointer"), [
    ("reject", {}, "/reason"), ("reject", {"reason": ""}, "/reason"), ("reject", {"reason": "a\u202eb"}, "/reason"),
    ("submit", {"status": "approved"}, "/status"), ("approve", {"version": 1}, "/version"), ("pause", [], ""),
])  # fmt: skip
def test_a_step_takes_nothing_but_what_it_needs(sqlite_desk: Desk, verb: str, body: Any, pointer: str) -> None:
    id_ = sqlite_desk.a_creative()["id"]
    if verb in ("approve", "reject"):
        take(sqlite_desk, id_, "submit")
    refused = take(sqlite_desk, id_, verb, body)
    assert (refused.status, refused.pointers) == (422, [pointer])


def test_every_step_has_its_address() -> None:
    assert [row.verb for row in STEPS] == ["submit", "approve", "reject", "pause", "resume"]


def test_a_preview_shows_the_longest_line_that_fits(sqlite_desk: Desk) -> None:
    id_ = sqlite_desk.a_creative()["id"]
    lines = sqlite_desk("GET", f"/v1/creatives/{id_}/preview?widths=60,240,640,2000").body["lines"]
    assert [line["role"] for line in lines] == [None, "brand", "short", "long"]
    assert lines[1]["text"] == "Sponsor: QWIKET" and lines[0]["text"] is None


@pytest.mark.parametrize(
    "query", ["widths=0", "widths=", "widths=1,x", "widths=99999", "font_px=5", "font=comic", "label="]
)
def test_a_wrong_preview_is_refused(sqlite_desk: Desk, query: str) -> None:
    id_ = sqlite_desk.a_creative()["id"]
    refused = sqlite_desk("GET", f"/v1/creatives/{id_}/preview?{query}")
    assert (refused.status, refused.pointers) == (422, [f"?{query.split('=')[0]}"])


def test_a_weight_is_changed_at_once_and_needs_no_review(desk: Desk) -> None:
    creative = desk.an_approved()
    path = f"/v1/creatives/{creative['id']}"
    heavier = desk("PATCH", path, {"weight": 3}, If_Match=creative["etag"])
    assert (heavier.status, heavier.body["weight"], heavier.body["status"]) == (200, 3.0, "approved")
    assert heavier.body["version"] == creative["version"] and heavier.body["etag"] != creative["etag"]
    same = desk("PATCH", path, {"weight": 3}, If_Match=heavier.body["etag"])
    assert same.body["etag"] == heavier.body["etag"], "nothing was changed"
    both = desk("PATCH", path, {"weight": 1, "lang": "de"}, If_Match=heavier.body["etag"])
    assert (both.body["weight"], both.body["version"], both.body["status"]) == (1.0, creative["version"] + 1, "pending")
