"""Network on a board: serial protocol, host, and the simulated top level with a pseudo-terminal."""

import os
import pty

import numpy as np
import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from common.board import boards, host, simulation
from common.board.boards import BoardOptions
from common.board.protocol import BoardDesign, FrameReader, Port, frame
from common.errors import PipelineError, ToolError

pytestmark = pytest.mark.xdist_group("board")  # one worker makes its fixtures
# Inputs of 8, 8 and 5 bits; their signed sum follows three clock cycles later.
NETWORK = """
module design (input clk, input [20:0] model_inp, output reg [9:0] model_out);
  reg [20:0] entered;
  reg [9:0] difference;
  always @(posedge clk) begin
    entered <= model_inp;
    difference <= entered[7:0] - entered[15:8] + entered[20:16];
    model_out <= difference;
  end
endmodule
"""
OPTIONS = BoardOptions(clock_mhz=25, baud=2_500_000)
DESIGN = BoardDesign(
    design="encoder/quantized",
    board="ulx3s_85f",
    inputs=Port((8, 8, 5), (False, False, False), (8, 8, 8)),
    outputs=Port((10,), (True,), (8,)),
    parts={"latent": 1},
    baud=OPTIONS.baud,
    clock_mhz=OPTIONS.clock_mhz,
    latency_cycles=3,
)


def images(count):
    generator = np.random.default_rng(0)
    return generator.integers(0, (256, 256, 32), (count, 3)) / 256


def expected(values):
    return values[:, :1] - values[:, 1:2] + values[:, 2:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a board's design."""
    network = tmp_path_factory.mktemp("network")
    (network / "design.v").write_text(NETWORK, encoding="utf-8")
    folder = tmp_path_factory.mktemp("board")
    boards.write_top_level(folder, network, DESIGN, OPTIONS)
    return folder


@pytest.fixture(scope="module")
def program(folder, tmp_path_factory):
    return simulation.build(folder, tmp_path_factory.mktemp("simulation"), timeout_seconds=300)


@pytest.mark.fault("tool")
def test_logs_of_a_failed_simulation_build_are_kept(folder, tmp_path, monkeypatch):
    (tmp_path / "g++").write_text("#!/bin/sh\necho no memory\nexit 1\n", encoding="utf-8")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    output = tmp_path / "simulation"
    with pytest.raises(ToolError) as failure, simulation.only_logs_stay(output):
        simulation.build(folder, output, timeout_seconds=300)
    assert str(failure.value).endswith(f"its log is {output / 'g++.log'}")
    assert (output / "g++.log").read_text(encoding="utf-8") == "no memory\n"
    assert sorted(path.name for path in output.iterdir()) == ["g++.log", "top.log"]


@pytest.fixture
def line(program):
    """Return the serial line to a running simulated board."""
    with (
        simulation.running(program, OPTIONS) as port,
        serial.Serial(port, OPTIONS.baud, timeout=20) as line,
    ):
        yield line


def answer(line, sent):
    """Send bytes, and return the content of the next frame."""
    reader = FrameReader()
    line.write(sent)
    while not (contents := list(reader.take(line.read(1)))):
        pass
    return contents[0]


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.integers(1, 7))
def test_reader_returns_framed_contents_for_any_division_into_pieces(contents, size):
    sent = b"".join(frame(content) for content in contents)
    reader = FrameReader()
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert [content for piece in pieces for content in reader.take(piece)] == contents


@given(st.binary(min_size=1, max_size=50), st.integers(0), st.integers(1, 255))
def test_frame_with_a_wrong_byte_is_never_accepted(content, place, error):
    sent = bytearray(frame(content))
    sent[place % len(sent)] ^= error
    found = list(FrameReader().take(bytes(sent) + b"\x7e"))
    assert all(each is None or each == content for each in found)


def test_flags_and_escapes_are_escaped_in_frames():
    assert frame(b"\x7e\x7d")[:5] == b"\x7e\x7d\x5e\x7d\x5d"


def test_ports_hold_negative_numbers_and_words_of_zero_bits():
    port = Port((0, 3, 6), (False, False, True), (5, 1, 2))
    values = np.array([[0, 3.5, -8.0], [0, 0.5, 7.75]])
    assert np.array_equal(port.unpack(port.pack(values)), values)


def test_results_over_the_serial_line_are_exact(line):
    values = images(300)
    seen = []
    found = host.classify(line, DESIGN, values, lambda place, _: seen.append(place))
    assert np.array_equal(found, expected(values))
    assert seen == list(range(300))


def test_wrong_requests_get_an_error_and_the_next_one_a_result(line):
    request = bytes([7]) + DESIGN.inputs.pack(images(1))[0]
    good = answer(line, frame(request))
    assert good[:2] == bytes([0, 7])
    spoilt = bytearray(frame(request))
    spoilt[3] ^= 1
    assert answer(line, bytes(spoilt)) == bytes([1])
    assert answer(line, frame(request[:-1])) == bytes([2])
    assert answer(line, frame(request + b"\x00")) == bytes([2])
    assert answer(line, b"\x7e" + request[:2] + b"\x7d\x7e") == bytes([1])
    assert answer(line, frame(request)) == good


def test_answer_without_a_free_buffer_is_reported_lost(line):
    short = frame(b"\x00")
    reader, contents = FrameReader(), []
    line.write(short * 40)
    line.timeout = 2
    while received := line.read(max(line.in_waiting, 1)):
        contents += reader.take(received)
    assert set(contents) <= {bytes([2]), bytes([3])}
    assert len(contents) > 1


def test_host_repeats_failed_requests(line):
    class Noisy:
        """Line that flips a bit in the tenth and thirtieth write, and drops the fiftieth."""

        writes = 0

        def __getattr__(self, name):
            return getattr(line, name)

        def write(self, data):
            self.writes += 1
            if self.writes in (10, 30):
                data = data[:3] + bytes([data[3] ^ 4]) + data[4:]
            return line.write(data if self.writes != 50 else b"")

    line.timeout = 1
    values = images(60)
    assert np.array_equal(host.classify(Noisy(), DESIGN, values), expected(values))


def test_silent_board_is_an_error_that_suggests_a_cause():
    ours, theirs = pty.openpty()
    question = r"image 0 failed 5 times \(no answer\): is this design on the board"
    with (
        serial.Serial(os.ttyname(theirs), 115200, timeout=0.05) as silent,
        pytest.raises(PipelineError, match=question),
    ):
        host.classify(silent, DESIGN, images(3))
    os.close(ours)


def test_baud_rate_that_the_clock_cannot_make_is_refused():
    with pytest.raises(PipelineError, match=r"a clock of 25 MHz cannot make 3,000,000 bit/s"):
        BoardOptions(clock_mhz=25, baud=3_000_000).check()
    BoardOptions(clock_mhz=25, baud=1_000_000).check()


def test_clock_that_the_generator_cannot_make_is_refused(tmp_path):
    (tmp_path / "design.v").write_text(NETWORK, encoding="utf-8")
    with pytest.raises(
        PipelineError, match=r"the FPGA makes 25 MHz at the nearest; choose another --board\.clock-mhz than 26\.1"
    ):
        boards.write_top_level(tmp_path / "board", tmp_path, DESIGN, BoardOptions(clock_mhz=26.1, baud=1_000_000))


def test_designs_that_are_not_quantized_are_refused():
    with pytest.raises(PipelineError, match="full/pruned is not quantized, and only quantized designs become RTL"):
        BoardOptions(design="full/pruned").check()


def test_bitstream_is_made_only_if_the_design_meets_the_clock(folder, monkeypatch):
    from common.lattice.place_and_route import PlaceAndRouteOptions

    options = PlaceAndRouteOptions(target_mhz=50)
    steps = []
    routed = boards.write_bitstream(folder, OPTIONS, options, timeout_seconds=600, on_step=steps.append)
    assert routed.fmax_mhz > 25
    assert routed.used["EHXPLLL"] == 1
    assert (folder / "design.bit").stat().st_size > 10_000
    assert "routing" in " ".join(steps)
    assert "Program finished normally" in (folder / "routed.log").read_text(encoding="utf-8")

    (folder / "design.bit").unlink()
    assert {path.name for path in folder.iterdir()} >= {"board.json", "pins.lpf", "netlist.log", "bitstream.log"}
    monkeypatch.setattr(boards, "place_and_route", lambda *_, **__: routed)
    monkeypatch.setattr(boards.ecp5, "synthesize", lambda *_, **__: None)
    with pytest.raises(PipelineError, match=r"reaches [\d.]+ MHz, not the 390 MHz of --board.clock-mhz"):
        boards.write_bitstream(folder, BoardOptions(clock_mhz=390), options, timeout_seconds=600, on_step=steps.append)
    assert not (folder / "design.bit").exists()
