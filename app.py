"""The WSGI entry: `app:app` for granian (as `python -m adengine serve` runs it) or any other WSGI server."""

from adengine import settings, wiring
from adengine.store import lineage

lineage.die_with_named_parent()
app = wiring.create_app(settings.load())
