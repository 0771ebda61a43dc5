"""The summary that `make` ends with: it names the source of each number, and only simulations that were compared."""

import re
import subprocess
import sys

import pytest
from stage_runs import ROOT, environment
from test_report import DESIGN, EXACT, make_outputs, write_stage

NAME = "full/quantized_pruned"
KEYS = ("qkeras_csim", "csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")


@pytest.fixture
def summarize(tmp_path):
    """Return a function that gives standard output and errors of the summary, for what stage 06 found."""
    outputs = make_outputs(tmp_path)
    write_stage(outputs, "05_convert_hls", metrics={"designs": {NAME: {"test_accuracy": 0.9112}}})

    def run(designs, exactness):
        write_stage(outputs, "06_synthesize", metrics={"designs": designs, "exactness": exactness})
        command = [sys.executable, "-m", "common.report.summary", "0"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment(outputs), capture_output=True, encoding="utf-8", check=False
        )
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    return run


def test_only_pairs_that_were_compared_are_called_equal(summarize):
    said, errors = summarize(
        {NAME: DESIGN},
        {
            NAME: {**EXACT, **dict.fromkeys(KEYS[:4], 0)},
            "full/quantized": {**EXACT, **dict.fromkeys(KEYS[:2], 0)},
            f"{NAME}, board": {"images": 10, "values": 740, "csim_uart": 0},
        },
    )
    assert (
        "no value differs; designs compared: QKeras and C simulation (2), C simulation and test bench (2), "
        "C simulation and traced logic (1), traced logic and RTL (1), C simulation and simulated board (1)\n"
    ) in said
    assert "netlist" not in said
    assert not re.search("differ", errors)


def test_values_that_differ_are_named_with_design_and_pair_and_nothing_is_called_equal(summarize):
    said, errors = summarize({NAME: DESIGN}, {NAME: {**EXACT, **dict.fromkeys(KEYS, 0), "alir_rtl": 7}})
    assert f"ERROR: {NAME}: 7 of 29600 values differ between traced logic and RTL\n" in errors
    assert errors.count("differ") == 1
    assert "no value differs" not in said


def test_nothing_is_said_of_exactness_where_nothing_was_compared(summarize):
    said, errors = summarize({"full/complete, C synthesis": {**DESIGN, "estimate": True}}, {})
    assert "differ" not in said + errors


def test_each_source_of_numbers_has_a_table_with_what_the_design_computes(summarize):
    hls = {**DESIGN, "tool": "Vivado HLS 2020.1", "part": "xcu250", "estimate": True, "lut": 99_424}
    routed = {**DESIGN, "tool": "Yosys 0.70, nextpnr-ecp5 0.11", "part": "LFE5U-85F", "fmax_mhz": 125.1, "lut": 11_920}
    said, _ = summarize({NAME: DESIGN, f"{NAME}, C synthesis": hls, f"{NAME}, LFE5U-85F, cut-off 2": routed}, {})
    tables = re.findall(rf"Designs, (.*?) *\n(?:.*\n)*?.*{NAME} +(\d+) .* (\S+) +(\S+) *\n", said)
    assert tables == [
        ("logic synthesis, Yosys 0.70, xcup", "14909", "–", "0.9112"),
        ("C-synthesis estimate, Vivado HLS 2020.1, xcu250", "99424", "–", "0.9112"),
        ("placed and routed, nextpnr-ecp5 0.11, LFE5U-85F", "11920", "125.1", "0.9112"),
    ]
