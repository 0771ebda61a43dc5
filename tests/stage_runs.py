"""Runs of the numbered scripts from the command line, and comparison of their outputs."""

import hashlib
import importlib.util
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from common.stages import artifacts

ROOT = Path(__file__).parents[1]
STAGES = ("01_prepare_data", "02_train_autoencoder", "03_prune", "04_quantize", "05_convert_hls")
ALL_STAGES = (*STAGES, "06_synthesize")
DEMO_STAGES = STAGES[:3]  # which the demo run and the tiny one share

ALLOWED = ("--allow", "chance", "dead_unit")
_FEW_BITS = [
    f"--precision.{layer}.{name}"
    for layer in ("encoder-1", "encoder-2", "latent")
    for name in ("weight-bits=3", "weight-integer-bits=0", "activation-bits=4", "activation-integer-bits=1")
]
DEMO = {"01_prepare_data": ("--preset", "demo")}
"""Flags of the demo run."""
TINY = {
    **DEMO,
    "02_train_autoencoder": ("--epochs", "2", *ALLOWED),
    "03_prune": ("--epochs", "2", "--begin-step", "40", "--end-step", "90", "--frequency", "10", *ALLOWED),
    "04_quantize": ("--epochs", "1", "--input-bits", "3", *_FEW_BITS, *ALLOWED),
    "05_convert_hls": ("--default-designs", "encoder/quantized_pruned"),
    "06_synthesize": ("--default-synthesize", "encoder/quantized_pruned"),
}
"""Flags of the shortest run of each stage: little training, one small design."""

_PRELOADED = (
    "common.networks.legacy_keras", "common.report", "qkeras", "tensorflow_model_optimization", "hls4ml", "alkaid",
    "sklearn.datasets", "skimage.transform", "tyro",
)  # fmt: skip


def environment(outputs: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a stage: its outputs folder, a fixed terminal width, no MNIST unless requested."""
    inherited = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
    return {**inherited, "OUTPUTS_DIR": str(outputs), "COLUMNS": "80", **variables}


def start_stage(stage: str, *arguments: str, outputs: Path, wrapper: tuple[str, ...] = (), **variables: str):
    """Start a numbered script, with the command `wrapper` before it; return the process."""
    return subprocess.Popen(
        [*wrapper, sys.executable, f"{stage}.py", *arguments],
        cwd=ROOT,
        env=environment(outputs, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def run_stage(stage: str, *arguments: str, outputs: Path, wrapper: tuple[str, ...] = (), **variables: str):
    """Run a numbered script; return the completed process."""
    process = start_stage(stage, *arguments, outputs=outputs, wrapper=wrapper, **variables)
    printed, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, printed, errors)


def run_well(stage: str, *arguments: str, outputs: Path, **variables: str) -> str:
    """Run a numbered script that must succeed; return what it prints."""
    done = run_stage(stage, *arguments, outputs=outputs, **variables)
    assert done.returncode == 0, f"{stage} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def fork_stage(stage: str, *arguments: str, outputs: Path, log: Path, **variables: str):
    """Start a numbered script in a process forked from one with TensorFlow imported, to save seconds; return it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    process = context.Process(target=_run_script, args=(stage, arguments, environment(outputs, **variables), log))
    process.start()
    return process


def _run_script(stage: str, arguments: tuple[str, ...], variables: dict[str, str], log: Path) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a shell
    sys.argv = [f"{stage}.py", *arguments]
    script = ModuleType("__main__")
    script.__file__ = str(ROOT / f"{stage}.py")
    # Workers' results are unpickled under the name that the script has there.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = script
    exec(compile(Path(script.__file__).read_text(encoding="utf-8"), script.__file__, "exec"), vars(script))


def fork_well(stage: str, *arguments: str, outputs: Path) -> None:
    """Run a numbered script that must succeed, as `fork_stage` starts it."""
    log = outputs.with_name(f"{outputs.name}.log")
    process = fork_stage(stage, *arguments, outputs=outputs, log=log)
    process.join()
    assert process.exitcode == 0, f"{stage} failed:\n{log.read_text(encoding='utf-8')}"


def moments(outputs: Path, stage: str, count: int) -> list[float]:
    """Return random times of a stage's run [s], preferring early ones, which cost less."""
    took = 0.8 * artifacts.read_run(outputs, stage)["seconds"]  # measured on busy cores
    generator = random.Random(stage)
    return [generator.triangular(0, 1 + took, 0) for _ in range(count)]  # its own clock starts a second later


def load_stage(stage: str) -> ModuleType:
    """Return a numbered script as a module, without running it."""
    specification = importlib.util.spec_from_file_location(f"stage_{stage}", ROOT / f"{stage}.py")
    sys.modules[specification.name] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run_demo(outputs: Path, stages: tuple[str, ...] = STAGES) -> None:
    """Run stages with the demo preset."""
    for stage in stages:
        run_well(stage, *DEMO.get(stage, ()), outputs=outputs)


def run_tiny(demo: Path, outputs: Path) -> None:
    """Run the stages after the float networks of a demo run with the flags `TINY`.

    Finished steps are not kept, so that each test takes all steps again.
    """
    for stage in DEMO_STAGES:
        shutil.copytree(demo / stage, outputs / stage)
    for stage in ALL_STAGES[len(DEMO_STAGES) :]:
        fork_well(stage, *TINY[stage], outputs=outputs)
    shutil.rmtree(outputs / ".finished_steps")


def give_weights(outputs: Path) -> None:
    """Replace the weights of stage 04 by random ones, sparse in the first layer."""
    import numpy as np

    from common.networks import architecture

    folder, name = outputs / "04_quantize", "classifier_quantized_pruned.h5"
    model, rng = architecture.load(folder / name), np.random.default_rng(10)
    for layer, dense in architecture.dense_layers(model).items():
        kernel, bias = (weights.shape for weights in dense.get_weights())
        values = rng.uniform(-0.6, 0.75, kernel)
        if layer == "encoder_1":
            values *= rng.random(kernel) < 0.1
        dense.set_weights([values, rng.uniform(0, 0.2, bias)])
    architecture.save(model, folder / name)
    record = artifacts.read_run(outputs, "04_quantize")
    record["writes"][name] = artifacts.sha256(folder / name)
    record["sha256"] = artifacts.record_digest(record)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def assert_refused(done: tuple[int, str, str], stage: str, *words: object) -> None:
    """Assert exit status 1, one line with all of `words`, and no work started."""
    status, printed, errors = done
    assert status == 1
    assert errors.startswith(f"ERROR: {stage}: ")
    assert errors.count("\n") == 1
    for word in words:
        assert str(word) in errors
    assert printed.count("\n") <= 1, "more than the heading: work was started"


def mark_failed(outputs: Path, stage: str, *failures: str) -> None:
    """Write failures into a stage's record."""
    path = outputs / stage / "run.json"
    record = json.loads(path.read_text(encoding="utf-8")) | {"failures": failures}
    path.write_text(json.dumps(record | {"sha256": artifacts.record_digest(record)}, indent=1), encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder but the lock, by relative path; empty for folders."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def leftovers(outputs: Path) -> list[str]:
    """Return the names of files and folders that only a killed run leaves; the cache of finished steps is none."""
    return sorted(path.name for path in outputs.rglob(".*") if path.name not in (".lock", ".finished_steps"))


def partial_folder(outputs: Path, stage: str) -> Path | None:
    """Return the folder that a running stage fills, or None."""
    return next(outputs.glob(f".{stage}.partial-*"), None)


def processes_of(outputs: Path) -> list[int]:
    """Return the live processes of an outputs folder: stages, their workers and their tools."""
    mark = f"OUTPUTS_DIR={outputs}\0".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes() and is_alive(int(path.name)):
                found.append(int(path.name))
        except OSError:  # it has ended, or belongs to another user
            continue
    return found


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition holds, or fail after a time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    return not re.search(r"^State:\s+[ZX]", status, re.MULTILINE)
