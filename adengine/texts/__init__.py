"""The lines of creatives: what they may hold, how wide they are, which of them fits, and a slot's HTML.

A leaf: knows nothing of stores, requests or the catalogue.
"""

from adengine.texts.fitting import longest_that_fits, shown_label
from adengine.texts.fonts import FONT_CLASSES, font_class
from adengine.texts.landing import ascii_url, check_landing_url, landing_remarks
from adengine.texts.lines import check_label, check_variants
from adengine.texts.load import stylesheet
from adengine.texts.widths import Measured, measure

__all__ = [
    "FONT_CLASSES",
    "Measured",
    "ascii_url",
    "check_label",
    "check_landing_url",
    "check_variants",
    "font_class",
    "landing_remarks",
    "longest_that_fits",
    "measure",
    "shown_label",
    "stylesheet",
]
