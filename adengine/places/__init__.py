"""Where readers are: the world's towns and areas, and what a text, ZIP or point means among them."""

from adengine.places.gazetteer import Gazetteer
from adengine.places.load import load
from adengine.places.nouns import Kind, Place, Resolution, Status
from adengine.places.query import Query, mistakes

__all__ = ["Gazetteer", "Kind", "Place", "Query", "Resolution", "Status", "load", "mistakes"]
