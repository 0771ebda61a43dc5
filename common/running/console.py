"""Terminal output of a stage: heading, progress line, summary, and errors."""

import io
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


class _Unfailing(io.FileIO):
    """Standard output or standard error on which no write fails, so that no message ends a computation.

    Output is dropped when the pipe is closed (`| head`), the disk is full, or the terminal has hung up.
    """

    def write(self, data: memoryview) -> int:
        """Return the number of bytes written or dropped."""
        with suppress(OSError):
            return super().write(data) or len(data)
        return len(data)


def _unfailing(stream: TextIO | None, own: TextIO | None) -> TextIO | None:
    """Return a stream that never fails and replaces characters it cannot encode; leave notebooks' streams alone."""
    if stream is None or stream is not own:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Unfailing(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


for _number in range(3):
    try:
        os.fstat(_number)
    except OSError:  # closed by the caller (`>&-`): else an artifact gets this number, and C++ prints into it
        os.open(os.devnull, os.O_RDWR)
sys.stdout = _unfailing(sys.stdout, sys.__stdout__)
sys.stderr = _unfailing(sys.stderr, sys.__stderr__)

CONSOLE = Console(highlight=False)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def heading(stage: str, text: str) -> None:
    """Print the first line of a stage."""
    CONSOLE.print(f"[bold]{stage}[/bold]  {text}", soft_wrap=True)


def note(text: str) -> None:
    """Print one line of information."""
    CONSOLE.print(f"  {text}", soft_wrap=True, markup=False)


def warning(text: str) -> None:
    """Print one line that the user should not overlook."""
    ERRORS.print(f"WARNING: {text}", style="bold yellow", markup=False)


def error(text: str) -> None:
    """Print in one line why the stage stops."""
    ERRORS.print(f"ERROR: {text}", style="bold red", markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: text in the first column, numbers in the others, a dash for `None`."""
    rich_table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=0, pad_edge=False
    )
    for index, column in enumerate(columns):
        rich_table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        rich_table.add_row(*("–" if cell is None else str(cell) for cell in row))
    CONSOLE.print(rich_table)


class ProgressLine:
    """Progress line: task, progress, and elapsed time."""

    def __init__(self, progress: "_Display", task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, detail: str = "") -> None:
        """Count one more item as done, and show `detail` (such as a loss) after the bar."""
        self._progress.update(self._task, advance=1, detail=detail)

    def show(self, completed: int, detail: str) -> None:
        """Show the total number of finished items, and `detail` after the bar."""
        self._progress.update(self._task, completed=completed, detail=detail)

    def say(self, detail: str) -> None:
        """Change the text after the bar."""
        self._progress.update(self._task, detail=detail)

    def say_below(self, lines: Sequence[str]) -> None:
        """Replace the lines below the bar, one per parallel task."""
        self._progress.below = lines


class _Display(Progress):
    """Progress lines, and below them lines of text, cut to the width of the terminal."""

    below: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the progress lines, then the text."""
        yield from super().get_renderables()
        yield from (Text(f"    {line}", no_wrap=True, overflow="ellipsis") for line in self.below)


class _CountColumn(ProgressColumn):
    """Finished and total items, if the total is known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


@contextmanager
def progress_line(title: str, total: int | None) -> Iterator[ProgressLine]:
    """Show a progress line while the block runs; the bar only moves if `total` is unknown.

    Lines of several threads are stacked until the last one is done.
    """
    progress = _enter_display()
    try:
        yield ProgressLine(progress, progress.add_task(title, total=total, detail=""))
    finally:
        _leave_display()


_lock = threading.Lock()
_display: list[_Display] = []  # the current display, one entry per line in use


def _enter_display() -> _Display:
    with _lock:
        if not _display:
            columns = (
                TextColumn("  {task.description}"),
                BarColumn(bar_width=12),
                _CountColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[detail]}", markup=False),
            )
            _display.append(_Display(*columns, console=CONSOLE))
            _display[0].start()
        else:
            _display.append(_display[0])
        return _display[0]


def _leave_display() -> None:
    with _lock:
        progress = _display.pop()
        if not _display:
            progress.below = ()
            progress.stop()
