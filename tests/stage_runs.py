"""Running the numbered scripts as users do, and comparing what they leave behind."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
STAGES = ("01_prepare_data", "02_train_autoencoder", "03_prune", "04_quantize", "05_convert_hls")


def environment(outputs: Path, **variables: str) -> dict[str, str]:
    """Environment of a stage: no MNIST unless it is asked for, an outputs folder of its own, a terminal's width."""
    inherited = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
    return {**inherited, "OUTPUTS_DIR": str(outputs), "COLUMNS": "80", **variables}


def start_stage(stage: str, *arguments: str, outputs: Path, wrapper: tuple[str, ...] = (), **variables: str):
    """Start a numbered script, behind the words of `wrapper`."""
    return subprocess.Popen(
        [*wrapper, sys.executable, f"{stage}.py", *arguments],
        cwd=ROOT,
        env=environment(outputs, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_stage(stage: str, *arguments: str, outputs: Path, wrapper: tuple[str, ...] = (), **variables: str):
    """Run a numbered script to its end."""
    process = start_stage(stage, *arguments, outputs=outputs, wrapper=wrapper, **variables)
    printed, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, printed, errors)


def run_well(stage: str, *arguments: str, outputs: Path, **variables: str) -> str:
    """Run a numbered script that must succeed; return what it prints."""
    done = run_stage(stage, *arguments, outputs=outputs, **variables)
    assert done.returncode == 0, f"{stage} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


def load_stage(stage: str) -> ModuleType:
    """Import a numbered script, without running it."""
    specification = importlib.util.spec_from_file_location(f"stage_{stage}", ROOT / f"{stage}.py")
    sys.modules[specification.name] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run_demo(outputs: Path) -> None:
    """Run all stages with the demo preset."""
    for stage in STAGES:
        run_well(stage, *(["--preset", "demo"] if stage.startswith("01") else []), outputs=outputs)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but the lock, by relative path; a folder has the empty string."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")
