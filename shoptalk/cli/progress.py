"""A progress bar for trainings."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

STAGES = {
    "read": "Reading the project",
    "nlu": "Training understanding",
    "dialogue": "Training dialogue",
    "write": "Writing the model",
}


class Progress:
    """Shows what a training is at; says nothing when quiet or when nobody looks at a terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Self:
        if not self.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description:<28}"),
                BarColumn(bar_width=28),
                TextColumn("{task.fields[what]}"),
                TimeElapsedColumn(),
            )
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task("", total=1, what="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def step(self, stage: str, what: str, step: int, of: int) -> None:
        """Show that a stage is at a step."""
        if self.bar is not None:
            self.bar.update(
                self.task, description=STAGES.get(stage, stage), completed=step, total=of, what=what
            )


class Steps(Progress):
    """Shows what something that takes several steps is at."""

    def tell(self, what: str, step: int, of: int) -> None:
        """Show that a step begins."""
        self.step(what, f"{step + 1} of {of}", step, of)
