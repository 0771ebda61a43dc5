"""What stages leave in a folder of outputs, written without running them: for tests of the results page."""

import json
import shutil
from dataclasses import replace

import numpy as np
from stage_runs import ALL_STAGES as STAGES

from common.images import dataset
from common.images.samples import PAPER_FORMAT, ImageFormat
from common.records import ESTIMATE, SIMULATION, SYNTHESIS, DesignRecord, ExactnessRecord, as_metrics
from common.report.metrics import write_metrics
from common.stages import artifacts

EMBEDDED = ("full/quantized_pruned", "encoder_classifier/quantized_pruned")
LAYERS = {
    "encoder_1": (64, 32),
    "encoder_2": (32, 16),
    "latent": (16, 2),
    "decoder_1": (2, 16),
    "classifier_1": (2, 16),
    "decoder_2": (16, 32),
    "classifier_2": (16, 32),
    "decoder_3": (32, 64),
    "classifier_3": (32, 10),
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="504pt" height="100pt"><text x="9" y="9">50 % # &amp;</text></svg>'
PNG = bytes.fromhex("89504e470d0a1a0a")
SEVEN = [[[0.2, 0.15], [0.78, 0.13], [0.6, 0.5], [0.45, 0.92]]]  # strokes of a drawn digit
TABLE_1 = """layer,complete,pruned,paper: complete,paper: pruned
encoder_1,2048+32,2048+32,,
encoder_2,512+16,102+16,512+16,102+16
decoder_1,32+12,6+12,32+16,6+13
total,6253,5794,6268,5805
"""
PRECISION = {
    "encoder_1": {name: 5 if name.endswith("t_bits") else 0 for name in ("weight_bits", "weight_integer_bits")}
    | {"bias_bits": 5, "bias_integer_bits": 0, "activation_bits": 5, "activation_integer_bits": 0},
    "classifier_3": {"weight_bits": 16, "weight_integer_bits": 5, "activation_bits": 16, "activation_integer_bits": 5},
}
DESIGN = DesignRecord(
    design="encoder_classifier/quantized_pruned", kind=SYNTHESIS, tool="Yosys 0.70.0.0.post1259", part="xcup",
    lut=14_909, ff=6_591, dsp=0, bram=0, latency_cycles=11, initiation_interval=1,
)  # fmt: skip


def fixed(width, fraction, *, signed=False, rounding="TRN", overflow="WRAP"):
    return {"width": width, "fraction": fraction, "signed": signed, "rounding": rounding, "overflow": overflow}


def random_network(seed=0, latent_bits=9):
    """Return a network of this project's layers with random weights, as `integer_network.export` would."""
    generator = np.random.default_rng(seed)
    layers = [{"name": "pixels", "kind": "input", "type": fixed(5, 5)}]
    sources = {"decoder_1": "latent_relu", "classifier_1": "latent_relu"}
    previous = {"encoder": "pixels", "latent": "pixels", "decoder": "latent_relu", "classifier": "latent_relu"}
    for name, (inputs, nodes) in LAYERS.items():
        branch = {"latent": "encoder"}.get(name, name.partition("_")[0])
        source = sources.get(name, previous[branch])
        fraction = next(layer["type"]["fraction"] for layer in layers if layer["name"] == source)
        last = name in ("decoder_3", "classifier_3")
        result = fixed(8, 4, signed=True, rounding="RND_CONV", overflow="SAT")
        layers.append({
            "name": name,
            "kind": "dense",
            "input": source,
            "weights": generator.integers(-7, 8, (inputs, nodes)).tolist(),
            "shift": 1,
            "bias": generator.integers(-99, 99, nodes).tolist(),
            "accumulator": fixed(20, fraction + 5, signed=True),
            "type": result if last else fixed(20, fraction + 5, signed=True),
        })  # fmt: skip
        previous[branch] = name
        if name == "decoder_3":
            table = generator.integers(0, 64, 256).tolist()
            layers.append({
                "name": "image", "kind": "lookup", "input": name, "low": -128, "table": table, "type": fixed(6, 6),
            })  # fmt: skip
        elif not last:
            rounding = generator.choice(["TRN", "RND", "RND_CONV"])
            width, whole = (latent_bits, 3) if name == "latent" else (9, 2)
            overflow = str(generator.choice(["SAT", "WRAP"]))
            kind = fixed(width, width - whole, rounding=str(rounding), overflow=overflow)
            layers.append({"name": f"{name}_relu", "kind": "cast", "relu": True, "input": name, "type": kind})
            previous[branch] = f"{name}_relu"
    return {"layers": layers, "outputs": ["image", "classifier_3"]}


def write_stage(
    outputs, name, *, files=(), reads=(), models=None, designs=(), exactness=(), configuration=None, failures=(),
    preset="paper", **other,
):  # fmt: skip
    """Write a stage's folder: its files, figures among them, and its `run.json`."""
    folder = outputs / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in dict(files).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    run = {
        "format": artifacts.RUN_FORMAT,
        "stage": name,
        "preset": preset,
        "dataset": "digits" if preset == "demo" else "mnist",
        "command": ["python", f"{name}.py"],
        "configuration": configuration or {},
        "seed": 0,
        "started": "2026-02-03T10:16:29+00:00",
        "seconds": 1.57,
        "machine": {"python": "3.11.7", "system": "Linux", "cores": 2},
        "packages": {"hls4ml": "1.3.0"},
        "git_commit": "8a0753fa2aeb28f2675b7238f8dfe24144671fb0-dirty",
        "external_reads": {},
        "reads": {read: artifacts.sha256(outputs / read) for read in reads},
        "writes": {file: artifacts.sha256(folder / file) for file in dict(files)},
        "metrics": {"models": models or {}} | as_metrics(designs, exactness),
        "failures": list(failures),
        **other,
    }
    run["sha256"] = artifacts.record_digest(run)
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


def figure_files(*names, title="A figure", caption="What is it? Look.", svg=SVG, png=PNG):
    listing = [{"name": name, "title": title, "caption": caption} for name in names]
    files = {
        f"{name}{suffix}": content for name in names for suffix, content in ((".svg", svg), (".png", png), (".csv", ""))
    }
    return {**files, "figures.json": json.dumps(listing)}


def images_file(tmp_path, count=400):
    tmp_path.mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    arrays = {f"x_{part}": generator.integers(0, 32, (count, 8, 8), dtype=np.uint8) for part in ("train", "test")}
    arrays |= {f"y_{part}": (np.arange(count) % 10).astype(np.uint8) for part in ("train", "test")}
    dataset.save(tmp_path / "images.npz", PAPER_FORMAT, **arrays)
    return (tmp_path / "images.npz").read_bytes()


def examples_file(tmp_path, size=28, crop=22):
    np.savez(tmp_path / "examples.npz", originals=np.zeros((10, size, size), np.uint8), crop=crop)
    return (tmp_path / "examples.npz").read_bytes()


def score(accuracy=0.9, weights=6048):
    losses = {"l1": 0.12, "mse": 0.04, "cross_entropy": 0.3, "accuracy": accuracy}
    scores = {f"{part}_{name}": value for part in ("train", "test") for name, value in losses.items()}
    return {"parameters": 6268, "nonzero_weights": weights, **scores}


def exact(design, **differing):
    return ExactnessRecord(design=design, images=400, values=29_600, differing=differing)


def make_outputs(tmp_path, count=6, preset="paper"):
    """Write what the first `count` stages would leave."""
    outputs = tmp_path / "outputs"
    design, classifier = DESIGN.design, "classifier.h5"
    network = json.dumps(random_network())
    written = (
        {
            "files": {
                "images.npz": images_file(tmp_path),
                "examples.npz": examples_file(tmp_path),
                **figure_files("digits"),
            },
            "configuration": {"preset": preset, "downsampling": "anti_aliased"},
        },
        {
            "files": {classifier: "2", **figure_files("latent")},
            "reads": ["01_prepare_data/images.npz"],
            "models": {"classifier/complete": score(0.9066)},
        },
        {
            "files": {"classifier_pruned.h5": "3", "table_1.csv": TABLE_1},
            "reads": ["01_prepare_data/images.npz", f"02_train_autoencoder/{classifier}"],
            "models": {"classifier/pruned": score(0.8942, 5586)},
        },
        {
            "files": {"classifier_quantized_pruned.h5": "4"},
            "reads": ["03_prune/classifier_pruned.h5"],
            "models": {
                "classifier/quantized_pruned": {"parent": "classifier/pruned", **score(0.9112, 5586)},
                "classifier/pruned, fixed<16,6,TRN,WRAP> after training": score(0.8),
            },
            "configuration": {"precision": PRECISION, "input_bits": 5},
        },
        {
            "files": {f"{each}/{name}": network for each in EMBEDDED for name in ("model.fml", "network.json")},
            "reads": ["04_quantize/classifier_quantized_pruned.h5"],
            "designs": [DesignRecord(design=name, kind=SIMULATION, test_accuracy=0.9112) for name in EMBEDDED],
            "exactness": [exact(EMBEDDED[0], qkeras_csim=0)],
        },
        {
            "files": {f"{design}/rtl/netlist_xcup.log": "said"},
            "reads": [f"05_convert_hls/{design}/model.fml"],
            "designs": [DESIGN, replace(DESIGN, kind=ESTIMATE, clock_ns=4.5)],
            "exactness": [exact(EMBEDDED[0], csim_alir=0, alir_rtl=0)],
        },
    )
    for name, arguments in list(zip(STAGES, written, strict=True))[:count]:
        write_stage(outputs, name, preset=preset, **arguments)
    outputs.mkdir(exist_ok=True)
    write_metrics(outputs)
    return outputs


def linear_network(dimensions, decoder):
    """Return an exported network with a linear latent layer, for 100 pixels of 4 bits and three classes."""
    generator = np.random.default_rng(5)
    wide = fixed(16, 8, signed=True)

    def dense(name, source, inputs, nodes):
        weights = generator.integers(-3, 4, (inputs, nodes)).tolist()
        return {
            "name": name, "kind": "dense", "input": source, "weights": weights, "shift": 0, "bias": [0] * nodes,
            "accumulator": fixed(24, 8, signed=True), "type": wide,
        }  # fmt: skip

    layers = [
        {"name": "pixels", "kind": "input", "type": fixed(4, 4)},
        dense("latent", "pixels", 100, dimensions),
        dense("classifier_1", "latent", dimensions, 3),
    ]
    if decoder:
        table = generator.integers(0, 16, 2**16).tolist()
        layers.append(dense("decoder_1", "latent", dimensions, 100))
        layers.append(
            {
                "name": "image",
                "kind": "lookup",
                "input": "decoder_1",
                "low": -(2**15),
                "table": table,
                "type": fixed(4, 4),
            }
        )
    return {"layers": layers, "outputs": ["image", "classifier_1"] if decoder else ["classifier_1"]}


def write_other_outputs(tmp_path, network, design, *, names=("cat", "dog", "a very long name indeed")):
    """Write outputs of stages 01 and 05 for images of 10 x 10 pixels of 4 bits; the third class has no test image."""
    outputs = make_outputs(tmp_path)
    shutil.rmtree(outputs / "05_convert_hls")
    shutil.rmtree(outputs / "06_synthesize")
    generator = np.random.default_rng(1)
    arrays = {f"x_{part}": generator.integers(0, 16, (60, 10, 10), dtype=np.uint8) for part in ("train", "test")}
    arrays |= {f"y_{part}": (np.arange(60) % 2).astype(np.uint8) for part in ("train", "test")}
    dataset.save(tmp_path / "images.npz", ImageFormat(10, 4, names, "class"), **arrays)
    files = {"images.npz": (tmp_path / "images.npz").read_bytes(), "examples.npz": examples_file(tmp_path, 10, 10)}
    write_stage(outputs, "01_prepare_data", files=files, configuration={"downsampling": "anti_aliased"})
    write_stage(outputs, "05_convert_hls", files={f"{design}/network.json": json.dumps(network)})
    return outputs
