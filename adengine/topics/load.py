"""Reads the taxonomy that ships with the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from adengine.topics.tree import Taxonomy

NAME = "IAB Content Taxonomy 3.1"
ATTRIBUTION = "IAB Tech Lab Content Taxonomy 3.1, CC BY 3.0, https://iabtechlab.com/standards/content-taxonomy/"


@cache
def load() -> Taxonomy:
    """The whole tree, 704 topics, read once per process."""
    return Taxonomy(json.loads((files("adengine.topics") / "iab-3.1.json").read_text("utf-8")))
