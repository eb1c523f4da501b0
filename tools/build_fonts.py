"""Builds adengine/texts/fonts/: what it takes to measure a line, and none of the letters' shapes.

Run in an environment made from tools/requirements-data.txt, in a folder where these npm packages are installed
(`npm install --no-save dejavu-fonts-ttf@2.37 @expo-google-fonts/arimo@0.4.3 @expo-google-fonts/gelasio@0.4.1`):
    python tools/build_fonts.py path/to/node_modules
Outlines and hints are dropped, so that four fonts take 200 kB; advances, kerning and ligatures stay as they were.
"""

import shutil
import sys
from pathlib import Path

from fontTools.ttLib import TTFont

TARGET = Path(__file__).resolve().parent.parent / "adengine" / "texts" / "fonts"
KEPT = {"GlyphOrder", "head", "hhea", "hmtx", "maxp", "cmap", "OS/2", "GDEF", "GSUB", "GPOS", "kern"}
FONTS = {
    "dejavu-sans.ttf": "dejavu-fonts-ttf/ttf/DejaVuSans.ttf",
    "dejavu-sans-mono.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf",
    "arimo.ttf": "@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf",
    "gelasio.ttf": "@expo-google-fonts/gelasio/400Regular/Gelasio_400Regular.ttf",
}
LICENCES = {
    "LICENSE-dejavu.txt": "dejavu-fonts-ttf/LICENSE",
    "LICENSE-arimo.txt": "@expo-google-fonts/arimo/LICENSE_FONT",
    "LICENSE-gelasio.txt": "@expo-google-fonts/gelasio/LICENSE_FONT",
}


def main(packages: Path) -> None:
    TARGET.mkdir(exist_ok=True)
    for name, source in FONTS.items():
        measure_only(packages / source, TARGET / name)
        print(f"{name}: {(TARGET / name).stat().st_size} bytes")
    for name, source in LICENCES.items():
        shutil.copyfile(packages / source, TARGET / name)


def measure_only(source: Path, target: Path) -> None:
    font = TTFont(source, recalcBBoxes=False, recalcTimestamp=False)
    for table in set(font.keys()) - KEPT:
        del font[table]
    font.save(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
