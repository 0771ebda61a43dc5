"""Network files loaded by tf_keras, Keras 3 and QKeras; the examples of docs/models.md are run."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from paper_networks import build, build_quantized
from stage_runs import ROOT

from common.networks import architecture, training
from common.networks.legacy_keras import tf
from common.networks.recipe import Recipe

TEXT = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## (.*?)\n.*?^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
OPTIMIZERS = ("adam", "soap")


def run(program, folder):
    variables = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    variables["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=variables, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("title", EXAMPLES)
def test_example_prints_the_accuracy_of_the_metrics(tiny_outputs, tmp_path, title):
    (tmp_path / "outputs").symlink_to(tiny_outputs)
    stage, variant = re.search(r'outputs/(0[2-4]_\w+)/classifier_?(\w*)\.h5"', EXAMPLES[title]).groups()
    metrics = json.loads((tiny_outputs / stage / "run.json").read_text(encoding="utf-8"))["metrics"]["models"]
    (accuracy,) = re.findall(r"^accuracy (0\.\d+)$", run(EXAMPLES[title], tmp_path).stdout, re.MULTILINE)
    assert float(accuracy) == pytest.approx(metrics[f"classifier/{variant or 'complete'}"]["test_accuracy"], abs=1e-6)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder of float and quantized networks, trained for one step by each optimizer, and of their outputs."""
    folder = tmp_path_factory.mktemp("networks")
    pixels = np.random.default_rng(30).integers(32, size=(20, 64)).astype(np.float32) / 32
    given = {"pixels": pixels}
    for optimizer in OPTIMIZERS:
        recipe = Recipe(optimizer=optimizer)
        quantized = build_quantized("classifier", input_bits=3)
        for kind, model in {"float": build("classifier"), "quantized": quantized}.items():
            training.compile_network(model, recipe, len(pixels))
            model.optimizer.apply_gradients([(tf.ones_like(each), each) for each in model.trainable_variables])
            architecture.save(model, folder / f"{kind}_{optimizer}.h5")
            given[f"{kind}_{optimizer}"] = np.concatenate(architecture.predict(model, pixels), axis=1)
    np.savez(folder / "expected.npz", **given)
    return folder


LOADING = {
    "tf_keras": "from tf_keras.models import load_model\n",
    "Keras 3": "from keras.models import load_model\n",
    "QKeras": EXAMPLES["QKeras"].partition("\npath = ")[0]
    + "\nload_model = lambda path: load_qmodel(path, custom_objects={'LeadingBits': LeadingBits})\n",
}
COMPARE = """
import numpy as np
expected = np.load("expected.npz")
for name in (each for each in expected if each != "pixels"):
    try:
        network = load_model(f"{name}.h5")
    except ValueError as error:
        print(name, error)
        continue
    found = np.concatenate(network.predict(expected["pixels"], verbose=0), axis=1)
    optimizer = getattr(network, "optimizer", None)
    state = f"{type(optimizer).__name__} {len(optimizer.variables)}" if optimizer else "not compiled"
    print(name, float(np.abs(found - expected[name]).max()) < 1e-6, state)
"""


@pytest.mark.xdist_group("models")  # one worker makes their fixtures
@pytest.mark.parametrize("library", LOADING)
def test_plain_load_gives_the_network_and_if_possible_the_optimizer(files, library):
    said = dict(
        re.findall(r"^((?:float|quantized)_\w+) (.*)$", run(LOADING[library] + COMPARE, files).stdout, re.MULTILINE)
    )
    restored = f"True Adam {1 + 2 * 18}"  # its step, and two moments per weight
    assert said.pop("float_adam") == (restored if library != "Keras 3" else "True Adam 2")
    assert said.pop("float_soap") == "True not compiled"
    if library == "QKeras":
        assert said == {"quantized_adam": restored, "quantized_soap": "True not compiled"}
    else:
        assert said.keys() == {"quantized_adam", "quantized_soap"}
        assert all(words.startswith("Unknown layer: 'LeadingBits'") for words in said.values())


@pytest.mark.xdist_group("models")  # one worker makes their fixtures
def test_own_load_restores_the_state_of_either_optimizer(files):
    for optimizer in OPTIMIZERS:
        model = architecture.load(files / f"quantized_{optimizer}.h5")
        assert type(model.optimizer).__name__.lower() == optimizer
        assert int(model.optimizer.iterations) == 1
        assert sum(np.any(variable.numpy()) for variable in model.optimizer.variables[1:]) > 18
