"""Execution of a stage: parse flags, lock, compute and draw into a new folder, record the run, swap the folders."""

import fcntl
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import PipelineError
from common.running import console, disk_space
from common.running.disk_space import Need
from common.stages import artifacts, failed_logs, presets, record
from common.stages.configuration import Configuration, completed, parse_command_line
from common.stages.run import Run, outputs_folder

REDRAW = "--redraw"


@dataclass(frozen=True)
class Stage:
    """Declaration of a stage by its numbered script.

    Attributes:
        file: `__file__` of the script, whose stem is the name of the stage.
        description: Docstring of the script, whose first paragraph `--help` shows.
        built_in: The stage's configuration for each built-in preset.
        compute: The stage itself. It reads through `Run.read` and writes into `Run.folder`, which replaces the last
            run's folder when all is done.
        draw: Writes figures and tables into `Run.folder` from files that `compute` read and wrote; `--redraw` calls
            only this, on the artifacts of the last run.
        disk: Required disk space.
    """

    file: str
    description: str | None
    built_in: Mapping[str, Configuration]
    compute: Callable[[Run, Configuration], None]
    draw: Callable[[Run, Configuration], None]
    disk: Need = field(default_factory=Need)

    @property
    def name(self) -> str:
        """Return the name of the stage, such as `03_prune`."""
        return self.script.stem

    @property
    def script(self) -> Path:
        """Return the path of the script, links resolved."""
        return Path(self.file).resolve()


@dataclass(frozen=True)
class Pipeline:
    """What a stage needs of all stages.

    Attributes:
        declared: Their built-in presets.
        update_overview: Updates the results page and metrics of all stages in an outputs folder.
    """

    declared: presets.Declared
    update_overview: Callable[[Path], None]


def run_stage(stage: Stage, pipeline: Pipeline, preset: str | None = None) -> None:
    """Run a stage from the command line: flags override its preset, an error is one line, exit status 0, 1 or 130.

    Args:
        stage: Its declaration.
        pipeline: What it needs of all stages.
        preset: Name or file of the preset, if this stage chooses it (default: the one in force).
    """
    name, outputs = stage.name, outputs_folder()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated; the last good artifacts are in place"))
    try:
        if REDRAW in sys.argv[1:]:
            if sys.argv[2:]:
                raise PipelineError(f"{REDRAW} takes no other flag: it draws the last run as that run was configured")
            console.heading(name, f"redrawing, writing {os.path.relpath(outputs / name)}")
            with _locked(outputs, name):
                failures = _redraw(stage, outputs, pipeline.declared)
                pipeline.update_overview(outputs)
        else:
            declared = pipeline.declared
            chosen = presets.load(preset, declared) if preset else presets.in_force(outputs, declared)
            subject = presets.subject(name)
            default = presets.default_configuration(subject, outputs, chosen, stage.built_in, declared)
            purpose = (stage.description or "").partition("\n\n")[0]
            note = f"{REDRAW}, without other flags, redraws the figures of the last run."
            parsed = parse_command_line(f"{purpose}\n\n{note}", default)
            configuration = completed(
                parsed, lambda each: presets.configuration_in_force(each, outputs, chosen, declared)
            )
            console.heading(name, f"preset {chosen.name}, writing {os.path.relpath(outputs / name)}")
            with _locked(outputs, name):
                failures = _run(stage, outputs, chosen, configuration)
                pipeline.update_overview(outputs)
        for failure in failures:
            console.error(f"{name}: {failure}")
        sys.exit(1 if failures else 0)
    except PipelineError as error:
        console.error(f"{name}: {error}")
        sys.exit(1)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        command = shlex.join(["python", f"{name}.py", *sys.argv[1:]])
        console.error(f"{name}: {error.strerror or error}{where}; fix that and run: {command}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.error(f"{name}: interrupted; the last good artifacts are in place")
        sys.exit(130)


@contextmanager
def _locked(outputs: Path, stage: str) -> Iterator[None]:
    """Hold the lock of an outputs folder; the system releases it when the process dies."""
    outputs.mkdir(parents=True, exist_ok=True)
    with (outputs / ".lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PipelineError(f"{outputs} is in use by {lock.read().strip()}; wait for it to finish") from None
        lock.truncate(0)
        lock.write(f"{stage} (process {os.getpid()})")
        lock.flush()
        yield
        lock.truncate(0)


def _run(stage: Stage, outputs: Path, preset: presets.Preset, configuration: Configuration) -> list[str]:
    """Compute and draw; return the failures."""
    started, name = time.perf_counter(), stage.name
    with _replaced(outputs, stage) as folder:
        run = Run(name, preset.name, preset.base, outputs, folder, allow=getattr(configuration, "allow", ()))
        if preset.origin is not None:
            run.read(preset.origin, presets.FILE)
        stage.compute(run, configuration)
        run.failures = [run.renamed(failure) for failure in run.failures]
        artifacts_made = record.files_in(folder)
        stage.draw(run, configuration)
        seconds = time.perf_counter() - started
        record.write(run, stage.script, record.of_run(run, configuration, seconds), artifacts_made)
    console.note(f"{name} took {seconds:.1f} s; its files are in {os.path.relpath(outputs / name)}")
    return run.failures


def _redraw(stage: Stage, outputs: Path, declared: presets.Declared) -> list[str]:
    """Redraw the last run, keeping its artifacts and record; return its failures."""
    name = stage.name
    last = artifacts.read_run(outputs, name)
    kept = sorted(last["writes"].keys() - last["draws"])
    sources = {file: artifacts.checked_artifact(outputs, name, file)[0] for file in kept}

    preset = presets.Preset(last["preset"], "paper")
    configuration = presets.configuration_in_force(presets.subject(name), outputs, preset, declared)
    with _replaced(outputs, stage) as folder:
        for file, source in sources.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            _link(source, folder / file)
        run = Run(name, last["preset"], last["preset"], outputs, folder, last["metrics"], last["reads"])
        run.allow = getattr(configuration, "allow", ())
        stage.draw(run, configuration)
        record.write(run, stage.script, last, kept)
        shutil.copystat(outputs / name / "run.json", folder / "run.json")  # keeps the time stamp for make
    console.note(f"redrew the figures of {name} in {os.path.relpath(outputs / name)}")
    return last["failures"]


def _link(source: Path, target: Path) -> None:
    """Make a hard link to a file, or a copy if the file system has no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def _replaced(outputs: Path, stage: Stage) -> Iterator[Path]:
    """Yield a new folder, which replaces the stage's last one as a whole if the block succeeds."""
    # Unique name: a worker of a killed run may still write into that run's folder.
    name, last = stage.name, outputs / stage.name
    folder, previous = outputs / f".{name}.partial-{os.getpid()}", outputs / f".{name}.previous"
    if previous.exists() and not last.exists():
        previous.rename(last)  # an earlier run was killed between two renames
    for leftover in (*outputs.glob(f".{name}.partial-*"), previous):
        shutil.rmtree(leftover, ignore_errors=True)
    failed_logs.forget(outputs, name)
    disk_space.check(last, stage.disk)
    folder.mkdir()
    try:
        yield folder
        os.sync()  # even a power cut leaves the old files or the new ones
        artifacts.replace_folder(folder, last, previous)
    except (OSError, PipelineError) as error:
        failed_logs.keep(error, folder, outputs, name)
        raise disk_space.explained(error, last, stage.disk) from None
    finally:
        for leftover in (folder, previous):
            shutil.rmtree(leftover, ignore_errors=True)
