"""The setting of a page: what its words mean and where it counts, worked out once for pages that ask alike. Pure."""

from __future__ import annotations

from collections.abc import Hashable

from adengine.catalog.nouns import Key
from adengine.serving.eligible import Kept
from adengine.serving.request import Asked
from adengine.serving.scene import Gazetteer, Scene, named_by, scene_of
from adengine.topics import Taxonomy

KNOWN_MAX = 16_384
"""About a kilobyte each."""


class Setting:
    __slots__ = ("alike", "scene")

    def __init__(self, scene: Scene, alike: Hashable) -> None:
        self.scene = scene
        self.alike = alike
        """What place and topics say of who may stand here (`Kept.settled`)."""


class Settings:
    """Of one snapshot. Shared by all threads, without a lock: the worst of a race is that one is worked out twice."""

    def __init__(self, kept: Kept, gazetteer: Gazetteer, taxonomy: Taxonomy) -> None:
        self.kept = kept
        self._gazetteer = gazetteer
        self._taxonomy = taxonomy
        self._known: dict[Hashable, Setting] = {}

    def of(self, asked: Asked, key: Key) -> Setting:
        named = named_by(asked, key)
        found = self._known.get(named)
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[named] = self._made(asked, key)
        return found

    def _made(self, asked: Asked, key: Key) -> Setting:
        scene = scene_of(asked, key, self.kept.snapshot, self._gazetteer, self._taxonomy)
        return Setting(scene, self.kept.settled(scene.facts_anywhere(asked, self._taxonomy, 0)))
