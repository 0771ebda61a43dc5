"""Adders as cells of a slice: values, LUTs against plain `synth_xilinx`, and netlists that are not made twice."""

import numpy as np
import pytest
from alkaid.codegen import RTLModel
from alkaid.trace import FVArray, HWConfig, trace

from common.errors import PipelineError
from common.rtl import ports
from common.rtl.shared_sums import rebuild, with_estimates
from common.synthesis import slice_adders, yosys
from common.verification import netlist_simulation, netlists

PLAIN = "flatten -noscopeinfo; synth_xilinx -noiopad -noclkbuf -nodsp -nobram -nolutram -nosrl -run begin:edif"
SUMS = {
    "negative": ([(0, 4, 3)], "negative"),
    "difference": ([(1, 3, 2), (0, 5, 1)], "difference"),
    "of three": ([(1, 4, 0), (0, 2, 3), (1, 1, 1)], "of three"),
    "of far bits": ([(0, 3, 0), (0, 9, -7)], "sum"),
}


def written(sums, folder):
    """Write the RTL of a few sums of terms (sign bit, integer bits, fraction bits); return their logic."""
    terms, kind = sums
    inputs = FVArray.from_kif(*(np.array(column) for column in zip(*terms, strict=True)), HWConfig(1, 1, -1))
    signs = {"negative": [-1], "difference": [1, -1], "of three": [-1, 1, 1], "sum": [1, 1]}[kind]
    total = inputs[0] * signs[0]
    for term, sign in zip(inputs[1:], signs[1:], strict=True):
        total = total + term * sign
    logic = with_estimates(rebuild(trace(inputs, np.array([total]), keep_dead_inputs=True)))
    RTLModel(logic, folder, "top", ternary_fuse=False, print_latency=False).write()
    return logic


@pytest.mark.parametrize("kind", SUMS)
def test_sums_are_exact_for_every_input_and_no_larger_than_by_yosys_alone(kind, tmp_path):
    logic = written(SUMS[kind], tmp_path)
    used = yosys.synthesize(tmp_path, "top", tmp_path / "netlist.json")
    widths = logic.inp_kifs.sum(axis=0)
    count = 1 << int(widths.sum())
    bits = (np.arange(count)[:, None] >> np.arange(widths.sum()) & 1).astype(np.uint8)
    values = ports.bits_to_integers(bits, widths, logic.inp_kifs[0]) * 2.0 ** -logic.inp_kifs[2]
    netlist = netlists.load_netlist(tmp_path / "netlist.json", "top")
    found = netlist_simulation.simulate(netlist, {"model_inp": bits})["model_out"]
    sign, _, fraction = logic.out_kifs
    found = ports.bits_to_integers(found, logic.out_kifs.sum(axis=0), sign) * 2.0**-fraction
    np.testing.assert_array_equal(found, logic.predict(values))
    yosys.run_script(tmp_path, "top", PLAIN, {tmp_path / "plain.json": "write_json -selected"}, 600, None)
    plain = yosys.utilization(tmp_path / "plain.json", "top")
    assert used.lut + used.inverter <= plain.lut + plain.inverter


def test_wires_need_no_cells():
    pins = {"in0": [2, 3], "in1": [4], "out": [5, 6, 7]}
    values = dict.fromkeys(["SIGNED0", "SIGNED1", "IS_SUB", "DROP_LSBS"], 0) | {"SHIFT1": 2}
    module = {
        "ports": {"model_out": {"direction": "output", "bits": [5, 6, 7]}},
        "netnames": {},
        "cells": {
            "a": {
                "type": "shift_adder",
                "parameters": {name: f"{value:032b}" for name, value in values.items()},
                "connections": pins,
            }
        },
    }
    slice_adders.replace_adders(module)
    assert module["cells"] == {}
    assert module["ports"]["model_out"]["bits"] == [2, 3, 4]


def test_adder_without_a_parameter_is_refused():
    cell = {"type": "negative", "parameters": {}, "connections": {"in": [2], "out": [3]}}
    with pytest.raises(PipelineError, match="adder a of type negative lacks 'IN_SIGNED'"):
        slice_adders.replace_adders({"ports": {}, "netnames": {}, "cells": {"a": cell}})
