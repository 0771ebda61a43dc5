"""The life of a stage: parse, lock, compute and draw beside the last good folder, record the run, swap the folders."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.running import console, disk_space
from common.stages import artifacts, failed_logs, presets, provenance
from common.stages.configuration import Configuration, parse_command_line, with_fields
from common.stages.dependencies import computing_files, drawing_files

REDRAW = "--redraw"


@dataclass
class Run:
    """One run of one stage: what it reads, the folder it writes to, its part of `metrics.json`, what it found wrong.

    `preset` is a built-in one or a file; `base_preset` is the built-in one that a file starts from. `dataset` names the
    images; the first stage knows it, and a stage that reads another one's artifacts takes it from there.

    Failures are findings, such as simulations that disagree: reports are written all the same, and the stage exits
    with status 1. Warnings are findings with which a user may want to go on; `allow` makes warnings of some failures.
    """

    stage: str
    preset: str
    base_preset: str
    outputs: Path
    folder: Path
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)
    external_reads: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    allow: Sequence[str] = ()
    dataset: str | None = None

    def read(self, stage: str, name: str) -> Path:
        """Return the path of another stage's artifact, checked to be present, intact and not stale, and record it.

        Raises:
            PipelineError: It is not, or its stage failed and `failed_input` is not allowed.
        """
        path, self.reads[f"{stage}/{name}"] = artifacts.checked_artifact(self.outputs, stage, name)
        failure = artifacts.failure(self.outputs, stage)
        if failure is not None and "failed_input" not in self.allow:
            raise PipelineError(f"{failure}; or use its files all the same: --allow failed_input")
        if failure is not None and failure not in self.warnings:
            self.warn(failure)
        self.dataset = self.dataset or self.record_of(stage)["dataset"]
        return path

    def read_folder(self, stage: str, name: str) -> Path:
        """Return the path of a folder that another stage wrote, each file in it checked and recorded."""
        written = artifacts.read_run(self.outputs, stage)["writes"]
        files = [file for file in written if file.startswith(f"{name}/")]
        if not files:
            raise PipelineError(f"stage {stage} has not written {name}; run: python {stage}.py with what you ask for")
        for file in files:
            self.read(stage, file)
        return self.outputs / stage / name

    def report_findings(self, findings: Mapping[str, str]) -> None:
        """Make failures of findings, given in words by their kind, or warnings of those whose kind is allowed."""
        for kind, text in findings.items():
            if kind in self.allow:
                self.warn(text)
            else:
                self.failures.append(f"{text}, or --allow {kind}")

    def renamed(self, text: str) -> str:
        """Return a text in which files of this run are named as they will be when it has finished."""
        return text.replace(str(self.folder), str(self.outputs / self.stage))

    def warn(self, text: str) -> None:
        """Say what a user should not overlook, and record it for the results page."""
        text = self.renamed(text)
        console.warning(text)
        self.warnings.append(text)

    def record_of(self, stage: str) -> dict[str, Any]:
        """Return what another stage's `run.json` says."""
        return artifacts.read_run(self.outputs, stage)

    def read_own(self, name: str) -> Path:
        """Return the path of an artifact of this stage's last run, checked to be intact, to go on from it."""
        path, self.external_reads[f"{self.stage}/{name}"] = artifacts.checked_artifact(self.outputs, self.stage, name)
        return path

    def read_external(self, path: Path) -> Path:
        """Record a file from outside of `outputs/` as read."""
        self.external_reads[path.name] = artifacts.sha256(path)
        return path


def outputs_folder() -> Path:
    """Return the folder of all artifacts, without links: `$OUTPUTS_DIR`, or `outputs` beside the numbered scripts."""
    return Path(os.environ.get("OUTPUTS_DIR") or presets.SCRIPTS / "outputs").resolve()


def run_stage(
    script: str,
    description: str | None,
    built_in: Mapping[str, Configuration],
    compute: Callable[[Run, Configuration], None],
    draw: Callable[[Run, Configuration], None],
    overview: Callable[[Path], None],
    preset: str | None = None,
) -> None:
    """Run a stage from the command line: flags over its preset, errors as one line, exit status 0, 1 or 130.

    Args:
        script: `__file__` of the numbered script; its stem is the name of the stage.
        description: Shown by `--help`.
        built_in: The stage's configuration for each built-in preset.
        compute: The stage itself. It reads through `Run.read` and writes into `Run.folder`; its files replace the
            last run's as a whole, and only when all is done.
        draw: Writes figures and tables into `Run.folder` from what `compute` wrote there and read; `--redraw` calls
            it alone, over the artifacts of the last run.
        overview: Makes anew what is made of the artifacts of all stages, given the outputs folder.
        preset: Name or file of the preset, where this stage chooses it; otherwise it is the one in force.
    """
    stage, outputs = Path(script).stem, outputs_folder()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated; the last good artifacts are in place"))
    try:
        if REDRAW in sys.argv[1:]:
            if sys.argv[2:]:
                raise PipelineError(f"{REDRAW} takes no other flag: it draws the last run as that run was configured")
            console.heading(stage, f"drawing anew, writing {os.path.relpath(outputs / stage)}")
            with _locked(outputs, stage):
                failures = _redraw(Path(script).resolve(), outputs, built_in, draw)
                overview(outputs)
        else:
            chosen = presets.load(preset) if preset else presets.in_force(outputs)
            default = chosen.configuration(stage, built_in)
            purpose = (description or "").partition("\n\n")[0]
            note = f"With {REDRAW} alone, the figures of the last run are drawn anew."
            configuration = parse_command_line(f"{purpose}\n\n{note}", default)
            console.heading(stage, f"preset {chosen.name}, writing {os.path.relpath(outputs / stage)}")
            with _locked(outputs, stage):
                failures = _run(Path(script).resolve(), outputs, chosen, configuration, compute, draw)
                overview(outputs)
        for failure in failures:
            console.error(f"{stage}: {failure}")
        sys.exit(1 if failures else 0)
    except PipelineError as error:
        console.error(f"{stage}: {error}")
        sys.exit(1)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        command = shlex.join(["python", f"{stage}.py", *sys.argv[1:]])
        console.error(f"{stage}: {error.strerror or error}{where}; mend that and run: {command}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.error(f"{stage}: interrupted; the last good artifacts are in place")
        sys.exit(130)


@contextmanager
def _locked(outputs: Path, stage: str) -> Iterator[None]:
    """Hold the lock of an outputs folder; it dies with its process."""
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


def _run(
    script: Path,
    outputs: Path,
    preset: presets.Preset,
    configuration: Configuration,
    compute: Callable[[Run, Configuration], None],
    draw: Callable[[Run, Configuration], None],
) -> list[str]:
    """Compute and draw; return what was found wrong."""
    started, stage = time.perf_counter(), script.stem
    with _replaced(outputs, stage) as folder:
        run = Run(stage, preset.name, preset.base, outputs, folder, allow=getattr(configuration, "allow", ()))
        if preset.origin is not None:
            run.read(preset.origin, presets.FILE)
        compute(run, configuration)
        run.failures = [run.renamed(failure) for failure in run.failures]
        artifacts_made = _files(folder)
        draw(run, configuration)
        seconds = time.perf_counter() - started
        _write_record(run, script, _record(run, configuration, seconds), artifacts_made)
    console.note(f"{stage} took {seconds:.1f} s; its files are in {os.path.relpath(outputs / stage)}")
    return run.failures


def _redraw(
    script: Path,
    outputs: Path,
    built_in: Mapping[str, Configuration],
    draw: Callable[[Run, Configuration], None],
) -> list[str]:
    """Draw the last run anew; its artifacts and all else that its record says stay. Return what it had found wrong."""
    stage = script.stem
    record = artifacts.read_run(outputs, stage)
    kept = sorted(record["writes"].keys() - record["draws"])
    sources = {name: artifacts.checked_artifact(outputs, stage, name)[0] for name in kept}

    def fault(path: tuple[str, ...], text: str) -> PipelineError:
        mend = artifacts.rerun(outputs, stage)
        return PipelineError(f"{outputs / stage} was made with other fields ({'.'.join(path)} {text}); run: {mend}")

    configuration = with_fields(built_in["paper"], record["configuration"], fault)
    with _replaced(outputs, stage) as folder:
        for name, source in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _link(source, folder / name)
        run = Run(stage, record["preset"], record["preset"], outputs, folder, record["metrics"], record["reads"])
        run.allow = getattr(configuration, "allow", ())
        draw(run, configuration)
        _write_record(run, script, record, kept)
        shutil.copystat(outputs / stage / "run.json", folder / "run.json")  # to make, artifacts are as old as they were
    console.note(f"figures of {stage} are drawn anew, in {os.path.relpath(outputs / stage)}")
    return record["failures"]


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no such names."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def _replaced(outputs: Path, stage: str) -> Iterator[Path]:
    """Give a new folder, and put it in the place of the stage's last one as a whole where the block succeeds."""
    # A number of its own in the name: a worker of a run that was killed may still write into that one's folder.
    folder, previous = outputs / f".{stage}.partial-{os.getpid()}", outputs / f".{stage}.previous"
    if previous.exists() and not (outputs / stage).exists():
        previous.rename(outputs / stage)  # a run was killed between two renames
    for leftover in (*outputs.glob(f".{stage}.partial-*"), previous):
        shutil.rmtree(leftover, ignore_errors=True)
    failed_logs.forget(outputs, stage)
    disk_space.check(outputs, stage)
    folder.mkdir()
    try:
        yield folder
        os.sync()  # a power cut, too, leaves the old files or the new ones
        artifacts.replace_folder(folder, outputs / stage, previous)
    except (OSError, PipelineError) as error:
        failed_logs.keep(error, folder, outputs, stage)
        raise disk_space.explained(error, outputs, stage) from None
    finally:
        for leftover in (folder, previous):
            shutil.rmtree(leftover, ignore_errors=True)


def _record(run: Run, configuration: object, seconds: float) -> dict[str, Any]:
    """Return what `run.json` says beside the files that were written."""
    return {
        "format": artifacts.RUN_FORMAT,
        "stage": run.stage,
        "preset": run.preset,
        "dataset": run.dataset,
        "command": ["python", f"{run.stage}.py", *sys.argv[1:]],
        "configuration": asdict(configuration),
        "seed": getattr(configuration, "seed", None),
        "started": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "machine": provenance.machine(),
        "packages": provenance.package_versions(),
        "git_commit": provenance.git_commit(),
        "external_reads": run.external_reads,
        "reads": run.reads,
        "failures": run.failures,
        "warnings": run.warnings,
        "metrics": run.metrics,
    }


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _write_record(run: Run, script: Path, record: dict[str, Any], artifacts_made: Sequence[str]) -> None:
    """Write `dependencies.mk`, the stamp `drawn` and `run.json`, whose `draws` are what `--redraw` makes anew."""
    _write_dependencies(run, script)
    (run.folder / "drawn").touch()
    files = _files(run.folder)
    record = record | {
        "writes": {name: artifacts.sha256(run.folder / name) for name in files},
        "draws": sorted(set(files) - set(artifacts_made)),
    }
    record["sha256"] = artifacts.record_digest(record)
    (run.folder / "run.json").write_text(json.dumps(record, indent=1, default=str), encoding="utf-8")


def _write_dependencies(run: Run, script: Path) -> None:
    """Tell make what this run was made of, as compilers do: its code and the files it read, and what only draws."""

    def names(paths: Iterable[Path]) -> list[str]:
        return [str(path.relative_to(script.parent)) for path in paths]

    # Wherever the outputs are, and however that is spelled, make knows them by its variable.
    made_of = [*names(computing_files(script)), *(f"$(OUTPUTS)/{name}" for name in sorted(run.reads))]
    drawn_by = names(drawing_files(script))
    rules = [
        f"$(OUTPUTS)/{run.stage}/run.json: {' '.join([script.name, *made_of])}",
        f"$(OUTPUTS)/{run.stage}/drawn: {' '.join(drawn_by)}",
        f"{' '.join([*made_of, *drawn_by])}:",  # make must not stop where one of them has gone
    ]
    (run.folder / "dependencies.mk").write_text(
        "".join(rule.replace(" ", " \\\n  ") + "\n" for rule in rules), encoding="utf-8"
    )
