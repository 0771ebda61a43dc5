"""What a stage says on the terminal: a heading, a line that moves during long work, a summary, an error."""

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
    """Standard output or standard error, to which no write fails: no message may lose a computation.

    What cannot be written is dropped: its reader has gone (`| head`), the disk of a log is full, the terminal hung up.
    """

    def write(self, data: memoryview) -> int:
        """Return the number of bytes written or dropped."""
        with suppress(OSError):
            return super().write(data) or len(data)
        return len(data)


def _unfailing(stream: TextIO | None, own: TextIO | None) -> TextIO | None:
    """Return a stream that replaces characters which it cannot encode; a notebook's or a test's is left to them."""
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
    except OSError:  # closed by who started it (`>&-`): the number must not become an artifact's, into which C++ prints
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
    """Print the one line that says why the stage stops."""
    ERRORS.print(f"ERROR: {text}", style="bold red", markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is text, the others are numbers, `None` is a value not measured."""
    rich_table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=0, pad_edge=False
    )
    for index, column in enumerate(columns):
        rich_table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        rich_table.add_row(*("–" if cell is None else str(cell) for cell in row))
    CONSOLE.print(rich_table)


class ProgressLine:
    """One line that moves: what is being done, how far it is, how long it took."""

    def __init__(self, progress: "_Display", task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, detail: str = "") -> None:
        """Count one more item as done, with `detail` (such as a loss) behind the bar."""
        self._progress.update(self._task, advance=1, detail=detail)

    def show(self, completed: int, detail: str) -> None:
        """Show how many items are done in all, with `detail` behind the bar."""
        self._progress.update(self._task, completed=completed, detail=detail)

    def say(self, detail: str) -> None:
        """Change the text behind the bar."""
        self._progress.update(self._task, detail=detail)

    def say_below(self, lines: Sequence[str]) -> None:
        """Show these lines below, where several things are done at a time, in place of the last ones."""
        self._progress.below = lines


class _Display(Progress):
    """Progress lines with lines of text below them, each cut where the terminal ends."""

    below: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return what is shown: the progress lines, then the text."""
        yield from super().get_renderables()
        yield from (Text(f"    {line}", no_wrap=True, overflow="ellipsis") for line in self.below)


class _CountColumn(ProgressColumn):
    """How many of how many, where that is known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


@contextmanager
def progress_line(title: str, total: int | None) -> Iterator[ProgressLine]:
    """Show a progress line while the block runs; `total` items, or a moving bar where that is not known.

    Lines of several threads stand below each other until the last of them is done.
    """
    progress = _enter_display()
    try:
        yield ProgressLine(progress, progress.add_task(title, total=total, detail=""))
    finally:
        _leave_display()


_lock = threading.Lock()
_display: list[_Display] = []  # the one that is shown, once for each of its lines that is in use


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
