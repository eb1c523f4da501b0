"""The taxonomy: look-ups are exact, the tree is whole, nearness behaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine import topics
from adengine.topics.tree import RELATED_MIN

TREE = topics.load()
IDS = [topic.id for topic in TREE.search("", 10_000)]
ids = st.sampled_from(IDS)


@pytest.mark.parametrize(
    ("word", "id_"),
    [
        ("386", "386"),
        ("politics", "386"),
        ("Politics", "386"),
        (" War and Conflicts ", "389"),
        ("war-and-conflicts", "389"),
        ("food-drink", "210"),
        ("v9i3On", "v9i3On"),
    ],
)
def test_a_word_names_its_topic(word: str, id_: str) -> None:
    found = TREE.resolve(word)
    assert found is not None and found.id == id_


@pytest.mark.parametrize("word", ["", "politic", "war", "V9I3ON", "386.0", "-", "9999"])
def test_nothing_is_guessed(word: str) -> None:
    assert TREE.resolve(word) is None


def test_the_sites_own_word_wins() -> None:
    found = TREE.resolve("Politics", {"politics": "483"})
    assert found is not None and found.name == "Sports"


def test_an_alias_of_an_unknown_topic_names_nothing() -> None:
    assert TREE.resolve("x", {"x": "nowhere"}) is None


def test_the_whole_taxonomy_is_there() -> None:
    assert len(TREE) == len(IDS) == 704
    assert sum(topic.parent is None for topic in TREE.search("", 10_000)) == 37


@given(ids)
def test_every_lineage_ends_at_a_root_and_matches_the_path(id_: str) -> None:
    topic, lineage = TREE.topic(id_), TREE.ancestors(id_)
    assert topic is not None and lineage[0] == id_ and len(lineage) == len(topic.path)
    root = TREE.topic(lineage[-1])
    assert root is not None and root.parent is None


@given(ids)
def test_a_topic_is_found_by_number_slug_and_name(id_: str) -> None:
    topic = TREE.topic(id_)
    assert topic is not None and 0 < topic.number < 2**32
    assert TREE.numbered(topic.number) is topic is TREE.resolve(topic.slug) is TREE.resolve(topic.name)


@given(ids, ids)
def test_relatedness_is_symmetric_and_one_only_for_the_same(a: str, b: str) -> None:
    near = TREE.relatedness(a, b)
    assert near == TREE.relatedness(b, a) and 0 <= near <= 1
    assert (near == 1) == (a == b)


def test_a_parent_is_nearer_than_a_stranger() -> None:
    fantasy = TREE.resolve("fantasy-sports")
    assert fantasy is not None
    assert TREE.relatedness(fantasy.id, "483") == pytest.approx(2 / 3)
    assert TREE.relatedness(fantasy.id, "386") == 0
    assert TREE.relatedness(fantasy.id, "nowhere") == 0


@pytest.mark.parametrize("topic", ["483", "484", "508", "386", "150"])
def test_relatives_are_all_topics_near_enough(topic: str) -> None:
    near = {other for other in TREE._topics if TREE.relatedness(topic, other) >= RELATED_MIN}
    assert topic in near and TREE.related(topic) == near == TREE.related(topic)


def test_what_is_no_topic_has_no_relatives() -> None:
    assert TREE.related("nowhere") == frozenset()


def test_a_search_puts_the_exact_name_first_and_keeps_its_limit() -> None:
    found = TREE.search("sports", 5)
    assert found[0].name == "Sports" and len(found) == 5
    assert all("sports" in topic.slug for topic in found)
    assert TREE.search("sports", 1) == found[:1]
    assert TREE.search("no such topic", 5) == []
