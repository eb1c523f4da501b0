"""adengine: sponsor lines for pages, chosen by place, topic and slot, capped exactly and counted to be billed."""

__version__ = "0.1.0"
