"""ABC, the mapper and prover inside Yosys, run on its own."""

from pathlib import Path

from common.running import yowasp
from common.running.processes import run_logged


def run(script: str, folder: Path, timeout_seconds: float) -> None:
    """Run an ABC script in `folder`, where it writes its results.

    Raises:
        ToolError: Yosys failed, or did not finish in time.
    """
    commands, gate, log = folder / "abc.script", folder / "gate.blif", folder / "abc.log"
    # Yosys calls ABC only if there is logic to map, and reads the logic back.
    gate.write_text(".model gate\n.inputs a\n.outputs b\n.names a b\n0 1\n.end\n", encoding="utf-8")
    commands.write_text(f"write_blif given.blif\n{script}\nread_blif given.blif\nstrash\n", encoding="utf-8")
    command = [yowasp.path_of("yosys"), "-Q", "-p", f"read_blif {gate.name}; techmap; abc -script {commands.name}"]
    run_logged(command, folder=folder, log=log, timeout_seconds=timeout_seconds)
