"""Reports of Vivado HLS, Vitis HLS and Vivado: real ones in VENDOR_REPORTS_DIR, and small ones of our own.

For the real ones: `VENDOR_REPORTS_DIR=folder pytest tests/hls/test_vendor_reports.py`.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from vendor_samples import C_SYNTHESIS_TEXT, C_SYNTHESIS_XML, COSIMULATION, LOGIC_SYNTHESIS, VERSAL_LOGIC_SYNTHESIS

from common.hls.vendor_reports import (
    CosimulationReport,
    ReportError,
    SynthesisReport,
    read_c_synthesis,
    read_cosimulation,
    read_logic_synthesis,
)
from common.hls.vendor_tools import C_SIMULATION_DONE

REAL = Path(os.environ.get("VENDOR_REPORTS_DIR", "/nonexistent"))
needs_real_reports = pytest.mark.skipif(
    not REAL.is_dir(), reason="VENDOR_REPORTS_DIR does not name a folder of real reports"
)

READERS = {
    "_csynth.xml": read_c_synthesis,
    "_csynth.rpt": read_c_synthesis,
    "_synth.rpt": read_logic_synthesis,
    "_cosim.rpt": read_cosimulation,
}

OWN = {
    "encoder_csynth.xml": C_SYNTHESIS_XML,
    "encoder_csynth.rpt": C_SYNTHESIS_TEXT,
    "vivado_synth.rpt": LOGIC_SYNTHESIS,
    "encoder_cosim.rpt": COSIMULATION,
}


def estimate(tool, version, part, lut, ff, dsp, bram_18k, uram, estimated_ns, latency, interval, design="myproject"):
    """Return the record of a C synthesis with a target of 5 ns."""
    return SynthesisReport(
        design, tool, version, part, True, lut, ff, dsp, bram_18k, uram, 5.0, estimated_ns, *latency, *interval
    )


Z7020, U250 = "xc7z020-clg400-1", "xcu250-figd2104-2L-e"
SYN, SIM = "myproject_prj/solution1/syn/report", "myproject_prj/solution1/sim/report"
AUTOENCODER = ("Vivado HLS", "2019.2.1", Z7020)
AUTOENCODER_TOP = estimate(*AUTOENCODER, 33365, 51414, 118, 285, 0, 4.429, (96014, 96165), (4625, 95949))
AUTOENCODER_AXI = estimate(
    *AUTOENCODER, 35689, 53257, 118, 289, 0, 4.429, (96019, 96170), (11266, 95949), design="myproject_axi"
)
STREAM = estimate("Vivado HLS", "2020.1", Z7020, 2532, 7969, 73, 0, 0, 4.049, (10, 10), (8, 8))
PRUNED = estimate("Vivado HLS", "2020.1", U250, 245466, 52549, 5414, 100, 0, 4.363, (1044, 1044), (1028, 1028))
QUANTIZED = estimate("Vivado HLS", "2020.1", U250, 263280, 43847, 340, 100, 0, 4.373, (1044, 1044), (1028, 1028))
RFSOC = estimate(
    "Vitis HLS", "2023.1", "xczu49dr-ffvf1760-2-e", 339116, 65881, 29, 332, 0, 3.649, (695, 695), (578, 578)
)

REAL_NUMBERS = {
    f"vivado2019_mnist_autoencoder/{SYN}/myproject_csynth.xml": AUTOENCODER_TOP,
    f"vivado2019_mnist_autoencoder/{SYN}/myproject_csynth.rpt": AUTOENCODER_TOP,
    f"vivado2019_mnist_autoencoder/{SYN}/myproject_axi_csynth.xml": AUTOENCODER_AXI,
    f"vivado2019_mnist_autoencoder/{SYN}/myproject_axi_csynth.rpt": AUTOENCODER_AXI,
    f"vivado2020_7z020_stream/{SYN}/myproject_csynth.xml": STREAM,
    f"vivado2020_7z020_stream/{SYN}/myproject_csynth.rpt": STREAM,
    f"vivado2020_u250_pruned_cnn/{SYN}/myproject_csynth.rpt": PRUNED,
    f"vivado2020_u250_quantized_pruned_cnn/{SYN}/myproject_csynth.rpt": QUANTIZED,
    f"vitis2023_cosim_fail/{SYN}/myproject_csynth.xml": RFSOC,
    f"vitis2023_cosim_fail/{SYN}/myproject_csynth.rpt": RFSOC,
    f"vitis2023_cosim_fail/{SIM}/myproject_cosim.rpt": CosimulationReport("Verilog", False, None, None, None, None),
    # Tiles of 36 kbit in these reports: 0, 42 and 34.
    "vivado2020_7z020_stream/vivado_synth.rpt": SynthesisReport(
        "myproject", "Vivado", "2020.1", "7z020clg400-1", False, 1526, 2428, 66, 0, None
    ),
    "vivado2020_u250_pruned_cnn/vivado_synth.rpt": SynthesisReport(
        "myproject", "Vivado", "2020.1", "xcu250figd2104-2L", False, 123948, 43435, 5386, 84, 0
    ),
    "vivado2020_u250_quantized_pruned_cnn/vivado_synth.rpt": SynthesisReport(
        "myproject", "Vivado", "2020.1", "xcu250figd2104-2L", False, 118931, 30702, 353, 68, 0
    ),
}

OWN_NUMBERS = {
    "encoder_csynth.xml": estimate(
        "Vitis HLS", "2024.2", U250, 99424, 5639, 45, 6, 3, 3.625, (10, 13), (1, 2), design="encoder"
    ),
    "encoder_csynth.rpt": estimate(
        "Vivado HLS", "2019.1", "xc7vx690tffg1761-2", 121617, 32562, 43, 4, None, 4.125, (30, 31), (1, 2), "encoder"
    ),
    "vivado_synth.rpt": SynthesisReport("encoder", "Vivado", "2023.2", U250, False, 47123, 5001, 44, 5, 7),
    "encoder_cosim.rpt": CosimulationReport("Verilog", True, 10, 13, 1, 4),
}


def read(path):
    return next(reader for ending, reader in READERS.items() if path.name.endswith(ending))(path)


def read_text(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read(path)


def assert_right_or_refused(folder, name, text, expected, cuts):
    """Truncate a report at each of `cuts`: assert the numbers of the whole, or a one-line error that names it."""
    for cut in cuts:
        try:
            found = read_text(folder, name, text[:cut])
        except ReportError as error:
            assert str(folder / name) in str(error) and "\n" not in str(error)
        else:
            assert found == expected, f"cut after {cut} of {len(text)} characters"


@needs_real_reports
@pytest.mark.parametrize("name", REAL_NUMBERS)
def test_real_report_gives_its_numbers(name):
    assert read(REAL / name) == REAL_NUMBERS[name]


@needs_real_reports
def test_every_real_report_is_tested():
    found = {str(path.relative_to(REAL)) for ending in READERS for path in REAL.rglob(f"*{ending}")}
    assert found == set(REAL_NUMBERS)


@needs_real_reports
@pytest.mark.parametrize("name", REAL_NUMBERS)
def test_real_report_truncated_at_every_tenth_is_correct_or_refused(tmp_path, name):
    text = (REAL / name).read_text(encoding="utf-8")
    cuts = [len(text) * tenth // 10 for tenth in range(10)]
    assert_right_or_refused(tmp_path, Path(name).name, text, REAL_NUMBERS[name], cuts)


@needs_real_reports
def test_real_c_simulation_ends_with_the_expected_message():
    logs = [*REAL.rglob("*_csim.log")]
    assert logs and all(C_SIMULATION_DONE in log.read_text(encoding="utf-8") for log in logs)


@pytest.mark.parametrize("name", OWN)
def test_own_report_gives_its_numbers(tmp_path, name):
    assert read_text(tmp_path, name, OWN[name]) == OWN_NUMBERS[name]


@pytest.mark.parametrize("name", OWN)
def test_own_report_truncated_anywhere_is_correct_or_refused(tmp_path, name):
    """At every tenth, at each end of a cell and of a line, and between: a number must not lose a digit."""
    text = OWN[name]
    ends = {position + 1 for position, character in enumerate(text) if character in "|\n"}
    cuts = sorted({len(text) * tenth // 10 for tenth in range(10)} | ends | {*range(0, len(text), 11)})
    assert_right_or_refused(tmp_path, name, text, OWN_NUMBERS[name], cuts)


@pytest.mark.parametrize("name", OWN)
def test_own_report_without_one_line_is_correct_or_refused(tmp_path, name):
    lines = OWN[name].splitlines(keepends=True)
    for left_out in range(len(lines)):
        if "URAM" in lines[left_out]:
            continue  # reports of parts without UltraRAM have no such line
        text = "".join(lines[:left_out] + lines[left_out + 1 :])
        assert_right_or_refused(tmp_path, name, text, OWN_NUMBERS[name], [len(text)])


@pytest.mark.parametrize("name", OWN)
def test_missing_report_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(ReportError, match=f"{name} cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("encoder_csynth.xml", "<LUT>99424</LUT>", "<LUT>many</LUT>", "found 'many' instead of a number"),
        ("encoder_csynth.xml", "<LUT>99424</LUT>", "<LUT></LUT>", "found '' instead of a number"),
        ("encoder_csynth.xml", "<DSP>45</DSP>", "", "no entry DSP48E or DSP"),
        (
            "encoder_csynth.xml",
            "<DSP>45</DSP>",
            "<DSP>45</DSP><DSP48E>46</DSP48E>",
            "entries DSP48E and DSP contradict",
        ),
        ("encoder_csynth.xml", "<FF>5639</FF>", "<FF>-1</FF>", "found '-1' instead of a number"),
        ("encoder_csynth.xml", "<FF>5639</FF>", "<FF>0.5</FF>", "found '0.5' instead of a count"),
        ("encoder_csynth.xml", ">3.625<", ">nan<", "found 'nan' instead of a number"),
        ("encoder_csynth.xml", ">2024.2<", "> <", "no entry ReportVersion/Version"),
        ("encoder_csynth.rpt", "|Total            |        4|", "|Total            |", "row of Total does not match"),
        (
            "encoder_csynth.rpt",
            "|   30|   31|    1|    2|",
            "|   30|   31|  x1|    2|",
            "found 'x1' instead of a number",
        ),
        ("encoder_csynth.rpt", "|ap_clk  |   5.00|", "|ap_clk  |   5.00", "instead of a number"),
        ("encoder_csynth.rpt", "|  121617|", "|  121617", "no entry LUT"),
        ("vivado_synth.rpt", "         | 47123 |", "         |", "row of CLB LUTs. does not match"),
        ("vivado_synth.rpt", "| CLB LUTs*  ", "| LUTs*  ", "no entry CLB LUTs or Slice LUTs"),
        ("vivado_synth.rpt", "|  2.5 |", "|  2.4 |", "found '2.4' instead of a count"),
        ("encoder_cosim.rpt", "      Pass|", "   Unknown|", "0 rows of an RTL that passed or failed"),
        ("encoder_cosim.rpt", "        NA|   ", "      Pass|   ", "2 rows of an RTL that passed or failed"),
    ],
)
def test_damaged_report_is_refused(tmp_path, name, old, new, message):
    assert old in OWN[name]
    with pytest.raises(ReportError, match=message):
        read_text(tmp_path, name, OWN[name].replace(old, new, 1))


def test_table_without_its_end_is_ignored(tmp_path):
    """Otherwise the part would seem to have no UltraRAM."""
    before, after = LOGIC_SYNTHESIS.index("| URAM"), LOGIC_SYNTHESIS.index("\n\n3. ARITHMETIC\n---")
    with pytest.raises(ReportError, match="no entry Block RAM Tile"):
        read_text(tmp_path, "vivado_synth.rpt", LOGIC_SYNTHESIS[:before] + LOGIC_SYNTHESIS[after:])


def test_unknown_cycle_counts_are_none(tmp_path):
    """A loop without bounds has no worst latency; a single transaction has no interval."""
    text = C_SYNTHESIS_XML.replace("<Worst-caseLatency>13<", "<Worst-caseLatency>undef<")
    expected = replace(OWN_NUMBERS["encoder_csynth.xml"], latency_cycles_max=None)
    assert read_text(tmp_path, "encoder_csynth.xml", text) == expected

    text = C_SYNTHESIS_TEXT.replace("|   30|   31|    1|    2|", "|   30|    ?|    1|    ?|")
    expected = replace(OWN_NUMBERS["encoder_csynth.rpt"], latency_cycles_max=None, initiation_interval_max=None)
    assert read_text(tmp_path, "encoder_csynth.rpt", text) == expected

    text = COSIMULATION.replace("|          1|          2|          4|", "|         NA|         NA|         NA|")
    assert read_text(tmp_path, "encoder_cosim.rpt", text) == CosimulationReport("Verilog", True, 10, 13, None, None)


def test_uram_is_none_if_the_part_has_none(tmp_path):
    text = "".join(line for line in LOGIC_SYNTHESIS.splitlines(keepends=True) if "URAM" not in line)
    assert read_text(tmp_path, "vivado_synth.rpt", text) == replace(OWN_NUMBERS["vivado_synth.rpt"], uram=None)


def test_logic_synthesis_of_seven_series_counts_slices(tmp_path):
    text = LOGIC_SYNTHESIS.replace("CLB LUTs", "Slice LUTs").replace("CLB Registers", "Slice Registers")
    assert read_text(tmp_path, "vivado_synth.rpt", text) == OWN_NUMBERS["vivado_synth.rpt"]


def test_logic_synthesis_for_versal_is_read(tmp_path):
    """Vivado 2025.1 has other names for registers and DSPs than for older parts."""
    assert read_text(tmp_path, "vivado_synth.rpt", VERSAL_LOGIC_SYNTHESIS) == SynthesisReport(
        "encoder", "Vivado", "2025.1", "xcvc1902-vsva2197-2MP-e-S", False, 47125, 5003, 42, 7, 6
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("CLB LUTs", "no entry CLB LUTs or Slice LUTs"),
        ("Registers", "no entry Registers or CLB Registers or Slice Registers"),
        ("DSP Slices", "no entry DSP Slices or DSPs"),
        ("Block RAM Tile", "no entry Block RAM Tile"),
    ],
)
def test_missing_row_is_named(tmp_path, row, said):
    lines = VERSAL_LOGIC_SYNTHESIS.splitlines(keepends=True)
    with pytest.raises(ReportError, match=f"or from an unsupported tool version .it has {said}"):
        read_text(tmp_path, "vivado_synth.rpt", "".join(line for line in lines if not line.startswith(f"| {row} ")))


def test_dsp_is_read_by_either_name(tmp_path):
    text = C_SYNTHESIS_XML.replace("DSP>", "DSP48E>")
    assert read_text(tmp_path, "encoder_csynth.xml", text) == OWN_NUMBERS["encoder_csynth.xml"]
