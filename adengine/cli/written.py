"""Files that a command writes at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class Written(click.Path):
    """Refuses what could not be written before the work begins, which may take an hour."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path: Any = super().convert(value, param, ctx)
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            self.fail(f"There is no directory {str(folder)!r}.", param, ctx)
        if not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"Directory {str(folder)!r} is not writable.", param, ctx)
        return path
