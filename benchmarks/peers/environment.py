"""Python environment of the peers that cannot share ours: HGQ2 brings a package `qkeras` of its own."""

import sys
from pathlib import Path

from common.errors import PipelineError, ToolError
from common.running import processes

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TIMEOUT_SECONDS = 3600.0
ONE_THREAD = {
    "KERAS_BACKEND": "jax",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
}
"""Variables for HGQ2 on one core."""


def interpreter(folder: Path) -> Path:
    """Return the interpreter of the peers' environment, which is made if it is missing.

    Raises:
        PipelineError: It cannot be made.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        log = folder.with_suffix(".log")
        try:
            for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), *install]):
                processes.run_logged(command, folder=folder.parent, log=log, timeout_seconds=TIMEOUT_SECONDS)
        except ToolError as error:
            python.unlink(missing_ok=True)
            text = f"HGQ2 needs an environment of its own, {folder}, with the packages of {REQUIREMENTS}: {error}"
            raise PipelineError(text) from error
    return python
