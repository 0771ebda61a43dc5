"""RTL and netlist against the traced logic, by simulation and by proof: a fault in either is located by layer."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from common.fixed_point import fixed_point
from common.hls import hls4ml_project
from common.networks.legacy_keras import keras, make_deterministic
from common.rtl import pipeline, tracing
from common.synthesis import yosys
from common.verification import by_simulation, equivalence

pytestmark = pytest.mark.xdist_group("by_simulation")  # one worker makes its fixtures
INPUTS, IMAGES = 8, 300
OPTIONS = pipeline.PipelineOptions(latency_cutoff=2, flavor="verilog", part="xcvu9p-flga2104-2L-e", clock_ns=5)


def small_network():
    import qkeras

    make_deterministic(3)
    tensor = pixels = keras.Input((INPUTS,), name="pixels")
    quantizers = {kind: qkeras.quantized_bits(5, 0, alpha=1) for kind in ("kernel_quantizer", "bias_quantizer")}
    for name, nodes in (("hidden_1", 6), ("hidden_2", 5)):
        tensor = qkeras.QDense(nodes, name=name, **quantizers)(tensor)
        tensor = qkeras.QActivation(qkeras.quantized_relu(5, 0), name=f"{name}_relu")(tensor)
    tensor = qkeras.QDense(3, name="classifier_3", **quantizers)(tensor)
    tensor = qkeras.QActivation(qkeras.quantized_bits(8, 3, alpha=1), name="classifier_3_rounded")(tensor)
    model = keras.Model(pixels, tensor)
    generator = np.random.default_rng(3)  # varying outputs, so that a fault reaches them
    for layer in model.layers:
        if layer.get_weights():
            layer.set_weights([generator.normal(0, 0.4, weights.shape) for weights in layer.get_weights()])
    return model


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    """Return what a verification needs, with RTL as words and as gates, and the netlist."""
    folder = tmp_path_factory.mktemp("design")
    model = hls4ml_project.convert(small_network(), folder / "project", hls4ml_project.HlsOptions(), quantized=True)
    traced = tracing.trace_model(model)
    pipeline.write_rtl(traced, folder / "rtl", OPTIONS)
    pixels = np.random.default_rng(1).integers(0, 32, (IMAGES, INPUTS)) / 32
    for level in ("words", "gates"):
        yosys.elaborate(folder / "rtl", pipeline.TOP, folder / "rtl" / f"{level}.json", level)
    yosys.synthesize(folder / "rtl", pipeline.TOP, folder / "rtl" / "netlist.json")
    return {
        "folder": folder / "rtl",
        "pixels": pixels,
        "input_type": fixed_point(model.get_input_variables()[0].type.precision),
        "registers": pipeline.registers(traced, OPTIONS),
        "outputs": traced.logic.predict(pixels),
        "keras": small_network().predict(pixels.astype(np.float32), verbose=0),
    }


def verify(design, netlist):
    arguments = (design[name] for name in ("pixels", "input_type", "registers", "outputs"))
    simulate = by_simulation.verify_rtl if netlist.stem == "words" else by_simulation.verify
    return simulate(netlist, *arguments)


@pytest.mark.parametrize("netlist", ["words.json", "gates.json", "netlist.json"])
def test_rtl_and_netlist_are_bit_exact_with_keras(design, netlist):
    result = verify(design, design["folder"] / netlist)
    assert result.differing == 0
    assert result.first_mismatch is None
    assert np.array_equal(result.outputs, design["keras"])
    assert result.latency_cycles == len(design["registers"]) + 1


@pytest.mark.parametrize("level", ["words", "gates"])
def test_flipped_weight_bit_in_the_verilog_is_located_by_layer(design, tmp_path, level):
    """Weights are shifts and signs of adders: doubling one of three terms in the first stage flips such a bit."""
    shutil.copytree(design["folder"] / "src", tmp_path / "src")
    source = tmp_path / "src" / "logic0.v"
    changed, count = re.subn(
        r"(ternary_adder #\((?:-?\d+,){11})(-?\d+)(,)", double_shift, source.read_text(encoding="utf-8"), count=1
    )
    assert count == 1
    source.write_text(changed, encoding="utf-8")
    yosys.elaborate(tmp_path, pipeline.TOP, tmp_path / f"{level}.json", level)
    result = verify(design, tmp_path / f"{level}.json")
    assert result.differing > 0
    mismatch = result.first_mismatch
    assert mismatch.layer == "hidden_1"
    assert_names_values_and_types(str(mismatch), "hidden_1", "stage1_inp")
    register = design["registers"]["stage1_inp"]
    word = int(re.search(r"word (\d+)", mismatch.place)[1])
    values = register.stage.predict(design["pixels"][mismatch.image : mismatch.image + 1])
    assert mismatch.expected == values[0, word] != mismatch.found
    assert mismatch.found == register.types[word].cast(mismatch.found)


def assert_names_values_and_types(message, layer, register):
    value_and_type = r"-?\d+\.\d+ {} as u?fixed<\d+,-?\d+>"
    expected, found = (value_and_type.format(verb) for verb in ("expected", "found"))
    start = rf"first difference in layer {layer}, image \d+, word \d+ of register {register}"
    assert re.fullmatch(f"{start}: {expected}, {found}", message), message


def double_shift(match):
    return f"{match[1]}{int(match[2]) + 1}{match[3]}"


def test_inverted_lut_mask_in_the_netlist_is_located_by_layer(design, tmp_path):
    netlist = json.loads((design["folder"] / "netlist.json").read_text(encoding="utf-8"))
    module = netlist["modules"][pipeline.TOP]
    driver = {
        cell["connections"]["O"][0]: cell for cell in module["cells"].values() if re.fullmatch(r"LUT\d", cell["type"])
    }
    entering = {
        cell["connections"]["Q"][0]: cell["connections"]["D"][0]
        for cell in module["cells"].values()
        if cell["type"] == "FDRE"
    }
    name, bit, net = next(
        (name, bit, entering[net])
        for name in list(design["registers"])[2:]
        for bit, net in enumerate(module["netnames"][name]["bits"])
        if entering.get(net) in driver
    )
    lut, register = driver[net], design["registers"][name]
    lut["parameters"]["INIT"] = "".join("10"[int(mask)] for mask in lut["parameters"]["INIT"])
    (tmp_path / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    result = verify(design, tmp_path / "netlist.json")
    layer = register.layers[int(np.searchsorted(np.cumsum(register.widths), bit, side="right"))]
    assert result.differing > 0
    assert_names_values_and_types(str(result.first_mismatch), layer, name)


def test_missing_register_is_detected(design, tmp_path):
    """The first bit of a pixel, which varies between images, arrives a cycle early."""
    netlist = json.loads((design["folder"] / "netlist.json").read_text(encoding="utf-8"))
    module = netlist["modules"][pipeline.TOP]
    cells, bits = module["cells"], module["netnames"][pipeline.INPUT_REGISTER]["bits"][4::5]
    name = next(name for name, cell in cells.items() if cell["type"] == "FDRE" and cell["connections"]["Q"][0] in bits)
    register = cells.pop(name)
    cells["wire"] = {
        "type": "LUT1",
        "parameters": {"INIT": "10"},
        "connections": {"I0": register["connections"]["D"], "O": register["connections"]["Q"]},
    }
    (tmp_path / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    assert verify(design, tmp_path / "netlist.json").differing > 0


def prove(design, netlist, seconds=120.0):
    gates, stages = design["folder"] / "gates.json", []
    proof = equivalence.prove(gates, netlist, design["registers"], seconds, stages.append)
    assert stages == [pipeline.INPUT_REGISTER, *design["registers"]]
    assert proof.stages == len(stages)
    return proof


def test_every_stage_of_a_correct_netlist_is_proven(design):
    proof = prove(design, design["folder"] / "netlist.json")
    assert proof.proven == (pipeline.INPUT_REGISTER, *design["registers"])
    assert not list(design["folder"].glob("*.proof"))


def test_flipped_bit_of_a_lut_mask_is_refuted_by_layer(design, tmp_path):
    """The LUT reads only registers, so that each bit of its mask matters for some input."""
    netlist = json.loads((design["folder"] / "netlist.json").read_text(encoding="utf-8"))
    module = netlist["modules"][pipeline.TOP]
    cells = module["cells"].values()
    entering = {
        cell["connections"]["D"][0]: cell["connections"]["Q"][0] for cell in cells if cell["type"] in ("FDRE", "FDSE")
    }
    stored = set(entering.values())

    def sources(cell):
        return {cell["connections"][f"I{pin}"][0] for pin in range(int(cell["type"][-1]))}

    name, bit, lut = next(
        (name, module["netnames"][name]["bits"].index(entering[output]), cell)
        for cell in cells
        if re.fullmatch("LUT[2-6]", cell["type"])
        for output in cell["connections"]["O"]
        if output in entering
        and stored.issuperset(cell["connections"][f"I{pin}"][0] for pin in range(int(cell["type"][3])))
        for name in design["registers"]
        if entering[output] in module["netnames"][name]["bits"]
    )
    mask = lut["parameters"]["INIT"]
    lut["parameters"]["INIT"] = mask[:-1] + "10"[int(mask[-1])]
    (tmp_path / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    proof = prove(design, tmp_path / "netlist.json")
    register = design["registers"][name]
    word = register.word_of_bit(bit)
    assert list(proof.refuted) == [name]
    value = rf"-?\d+\.\d+ {{}} as {register.types[word].layout}"
    assert re.fullmatch(
        rf"differs in layer {register.layers[word]}, word {word} of register {name}: for some contents of the register "
        rf"before, {value.format('expected')}, {value.format('found')}",
        proof.refuted[name],
    )
    assert len(proof.proven) == proof.stages - 1


def test_stage_not_proven_in_time_is_reported(design):
    proof = prove(design, design["folder"] / "netlist.json", seconds=0.05)
    assert proof.proven == ()
    assert proof.unproven.keys() == {pipeline.INPUT_REGISTER, *design["registers"]}
    for reason in proof.unproven.values():
        assert "did not finish within" in reason
        assert Path(reason.partition("its log is ")[2]).is_file()


def test_netlist_without_a_register_is_not_proven(design, tmp_path):
    """The first bit of a pixel, which varies between images, arrives a cycle early."""
    netlist = json.loads((design["folder"] / "netlist.json").read_text(encoding="utf-8"))
    module = netlist["modules"][pipeline.TOP]
    cells, bits = module["cells"], module["netnames"][pipeline.INPUT_REGISTER]["bits"][4::5]
    name = next(name for name, cell in cells.items() if cell["type"] == "FDRE" and cell["connections"]["Q"][0] in bits)
    pins = cells[name]["connections"]
    cells[name] = {"type": "LUT1", "parameters": {"INIT": "10"}, "connections": {"I0": pins["D"], "O": pins["Q"]}}
    (tmp_path / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    proof = prove(design, tmp_path / "netlist.json")
    assert len(proof.proven) < proof.stages
    assert any("is not driven by a register" in reason for reason in proof.unproven.values())
