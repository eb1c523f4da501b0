"""What pages are about: the taxonomy tree and its look-ups."""

from adengine.topics.load import load
from adengine.topics.tree import Taxonomy, Topic

__all__ = ["Taxonomy", "Topic", "load"]
