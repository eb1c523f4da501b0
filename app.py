"""The WSGI entry: `app:app` for granian (as `python -m adengine serve` runs it) or any other WSGI server."""

import gc

from adengine import settings, wiring
from adengine.store import lineage

lineage.die_with_named_parent()
app = wiring.create_app(settings.load())
# What is there by now lives as long as the worker; and what a page leaves behind is freed by counting alone.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 50, 100)
