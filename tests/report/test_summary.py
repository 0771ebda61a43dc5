"""The summary that `make` ends with: it names the source of each number, and only simulations that were compared."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from stage_runs import ROOT, environment
from written_outputs import DESIGN, exact, make_outputs, write_stage

from common.records import ESTIMATE, ROUTED, SIMULATION, DesignRecord, ExactnessRecord

NAME = "full/quantized_pruned"
FULL = replace(DESIGN, design=NAME)
KEYS = ("qkeras_csim", "csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")


@pytest.fixture
def summarize(tmp_path):
    """Return a function that gives standard output and errors of the summary, for what stage 06 found."""
    outputs = make_outputs(tmp_path)
    computed = DesignRecord(design=NAME, kind=SIMULATION, test_accuracy=0.9112)
    write_stage(outputs, "05_convert_hls", designs=[computed])

    def run(designs, exactness):
        write_stage(outputs, "06_synthesize", designs=designs, exactness=exactness)
        command = [sys.executable, "-m", "common.report.summary", "0"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment(outputs), capture_output=True, encoding="utf-8", check=False
        )
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    return run


def test_only_pairs_that_were_compared_are_called_equal(summarize):
    said, errors = summarize(
        [FULL],
        [
            exact(NAME, **dict.fromkeys(KEYS[:4], 0)),
            exact("full/quantized", **dict.fromkeys(KEYS[:2], 0)),
            ExactnessRecord(design=NAME, part="board", images=10, values=740, differing={"csim_uart": 0}),
        ],
    )
    assert (
        "no value differs; designs compared: QKeras and C simulation (2), C simulation and test bench (2), "
        "C simulation and traced logic (1), traced logic and RTL (1), C simulation and simulated board (1)\n"
    ) in said
    assert "netlist" not in said
    assert not re.search("differ", errors)


def test_values_that_differ_are_named_with_design_and_pair_and_nothing_is_called_equal(summarize):
    said, errors = summarize([FULL], [exact(NAME, **{**dict.fromkeys(KEYS, 0), "alir_rtl": 7})])
    assert f"ERROR: {NAME}: 7 of 29600 values differ between traced logic and RTL\n" in errors
    assert errors.count("differ") == 1
    assert "no value differs" not in said


def test_nothing_is_said_of_exactness_where_nothing_was_compared(summarize):
    said, errors = summarize([replace(DESIGN, design="full/complete", kind=ESTIMATE)], [])
    assert "differ" not in said + errors


def test_each_source_of_numbers_has_a_table_with_what_the_design_computes(summarize):
    hls = replace(FULL, tool="Vivado HLS 2020.1", part="xcu250", kind=ESTIMATE, lut=99_424)
    tools = "Yosys 0.70, nextpnr-ecp5 0.11"
    routed = replace(FULL, tool=tools, part="LFE5U-85F", kind=ROUTED, fmax_mhz=125.1, lut=11_920)
    said, _ = summarize([FULL, hls, routed], [])
    tables = re.findall(rf"Designs, (.*?) *\n(?:.*\n)*?.*{NAME} +(\d+) .* (\S+) +(\S+) *\n", said)
    assert tables == [
        ("logic synthesis, Yosys 0.70, xcup", "14909", "–", "0.9112"),
        ("C-synthesis estimate, Vivado HLS 2020.1, xcu250", "99424", "–", "0.9112"),
        ("placed and routed, nextpnr-ecp5 0.11, LFE5U-85F", "11920", "125.1", "0.9112"),
    ]
