"""Time and memory of the whole pipeline, stage by stage; of `make` with nothing to do; and of `--help`.

Run:     python -m benchmarks.pipeline [--preset paper]

Runs `make` in a temporary output folder. Times are wall times, including imports. Memory is the sum over all processes
of a stage; shared pages count once per process, so it is an upper limit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import measure
from benchmarks.memory import PeakMemory
from common.errors import PipelineError

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path.name for path in ROOT.glob("[0-9][0-9]_*.py"))
STAGES = 6  # of `make`, without the scan


def run_measured(command: Sequence[str], environment: dict[str, str], log: Path) -> tuple[float, int]:
    """Run a command; return its wall time [s] and peak memory with its children [byte].

    Raises:
        PipelineError: It failed; the message has the end of its output.
    """
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        with PeakMemory(process.pid) as memory:
            process.wait()
    seconds = time.perf_counter() - started
    if process.returncode:
        words = log.read_text(encoding="utf-8", errors="replace").split()
        raise PipelineError(f"{' '.join(command)} failed: {' '.join(words[-60:])}")
    return seconds, memory.peak


def repeated(command: Sequence[str], environment: dict[str, str]) -> list[float]:
    """Return the wall times of several runs of a short command [s]."""

    def call() -> None:
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    return measure.in_turn({"": call})[""]


def main(preset: str) -> None:
    """Run all stages of a preset, then `make` with nothing to do, then each script's `--help`."""
    benchmark = measure.Benchmark(
        "pipeline", f"The whole pipeline, preset {preset}: seconds and memory", ["", "seconds", "memory [GB]"]
    )
    stages: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
        environment = {**inherited, "OUTPUTS_DIR": str(Path(folder) / "outputs")}
        for script in SCRIPTS[:STAGES]:
            command = ["make", script[:2], f"PRESET={preset}"]
            seconds, memory = run_measured(command, environment, Path(folder) / "log")
            stages[script.removesuffix(".py")] = {"seconds": seconds, "bytes": memory}
            benchmark.row(script, f"{seconds:.1f}", f"{memory / 1e9:.2f}")
        nothing = repeated(["make"], environment)
        helps = {script: repeated([sys.executable, script, "--help"], environment) for script in SCRIPTS}
    total, most = sum(stage["seconds"] for stage in stages.values()), max(stage["bytes"] for stage in stages.values())
    slowest = max(helps, key=lambda script: measure.Spread.of(helps[script]).median)
    benchmark.row("all stages", f"{total:.1f}", f"{most / 1e9:.2f}")
    benchmark.row("make with nothing to do", f"{measure.Spread.of(nothing):.2f}", "")
    benchmark.row(f"--help, the slowest ({slowest})", f"{measure.Spread.of(helps[slowest]):.2f}", "")
    benchmark.values = {"preset": preset, "stages": stages, "nothing_to_do_seconds": nothing, "help_seconds": helps}
    benchmark.finish()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", choices=["paper", "tuned", "demo"], default="demo")
    measure.run(main, parser.parse_args().preset)
