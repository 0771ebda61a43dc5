"""Space files: their axes, refusals with line and field, and the dependencies of points."""

import pytest

from common.errors import PipelineError
from common.report.pipeline import DECLARED
from common.scan import spaces
from common.scan.point_store import dependencies, identity
from common.scan.searching import DesignSearch, on_front

SPACE = """base = "demo"
quantize.zeros = "raised"
quantize.input_bits = [2, 4]
quantize.learning_rate = { low = 1e-4, high = 1e-2, log = true }
quantize.schedule = ["constant", "cosine"]

[shortened]
quantize.epochs = 3
"""


def identity_of(point, images):
    return identity(dependencies(point), images)


@pytest.fixture
def load(tmp_path):
    def load_text(text, *vary):
        path = tmp_path / "space.toml"
        path.write_text(text, encoding="utf-8")
        return spaces.load(path, vary, 300, DECLARED)

    return load_text


def test_lists_and_ranges_are_axes_and_single_values_are_fixed(load):
    space = load(SPACE)
    assert list(space.axes) == ["quantize.input_bits", "quantize.learning_rate", "quantize.schedule"]
    assert space.base_values == {
        "quantize.input_bits": 5,
        "quantize.learning_rate": 1e-3,
        "quantize.schedule": "constant",
    }
    values = {**space.base_values, "quantize.input_bits": 2}
    short, full = (space.point(values, full_recipe=full).configurations()["quantize"] for full in (False, True))
    assert (short.input_bits, short.zeros, short.epochs) == (2, "raised", 3)
    assert (full.input_bits, full.zeros, full.epochs) == (2, "raised", 50)


def test_grid_search_proposes_every_combination_once(load):
    space = load(SPACE, "quantize.learning_rate = 1e-3", "quantize.seed = { low = 0, high = 4, step = 2 }")
    search = DesignSearch(space, "grid", 1000, seed=0)
    assert search.total == 2 * 2 * 3
    found = set()
    while (trial := search.ask()) is not None:
        found.add(tuple(sorted(trial.params.items())))
    assert len(found) == search.total
    with pytest.raises(PipelineError, match=r"a grid needs the step of quantize\.learning_rate"):
        DesignSearch(load(SPACE), "grid", 1000, seed=0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quantize.epochs = [1, 2\nbase = 3", "is not TOML: .*line 2, column 1"),
        ("base = 'demo'\n\nquantize.epoch = [1, 2]", "line 3: quantize.epoch is unknown; fields are epochs,"),
        ("quantize.epochs = [1, 'two']", "line 1: quantize.epochs must be a whole number, not 'two'"),
        ("[quantize]\nepochs = [0, 1]", "line 2: quantize.epochs must be between 1 and 100000, not 0"),
        ("[quantize]\nepochs = [3]", "line 2: quantize.epochs needs two or more different values"),
        ("[quantize]\nepochs = { low = 1 }", "line 2: quantize.epochs as a range needs low and high, and may"),
        ("[quantize]\nepochs = { low = 5, high = 1 }", "line 2: quantize.epochs is no range"),
        (
            "[quantize]\nepochs = { low = 1, high = 2.5 }",
            "line 2: quantize.epochs.high must be a whole number, not 2.5",
        ),
        ("train_autoencoder.epochs = [1, 2]", "line 1: train_autoencoder.epochs makes no difference to any point"),
        ("quantize.zeros = 'raised'\nprune.epochs = [1, 2]", "line 2: prune.epochs makes no difference to any point"),
        ("quantize.seed = [0, 1]\n[shortened]\nquantize.epoch = 3", "line 3: quantize.epoch is unknown"),
        ("quantize.seed = [0, 1]\nshortened = 3", "line 2: shortened is a group of stages"),
        ("quantize.seed = 1", "has no axis: give a field a list of values, or a range"),
        (
            "base = 'best'\nquantize.seed = [0, 1]",
            "line 1: base must be one of paper, revision, tuned, small, demo,",
        ),
    ],
)
def test_wrong_files_are_refused_with_line_and_field(load, text, words):
    with pytest.raises(PipelineError, match=f"space.toml.*{words}"):
        load(text)


def test_wrong_flags_are_refused_with_what_was_given(load):
    with pytest.raises(PipelineError, match=r"--vary 'quantize.seed=\[0, x\]' is not TOML"):
        load(SPACE, "quantize.seed=[0, x]")


def test_name_of_a_point_changes_only_with_its_dependencies(load):
    space = load(SPACE)
    name = identity_of(space.point(space.base_values), "images")
    others = [{name: value} for name, value in {"quantize.schedule": "cosine", "quantize.learning_rate": 2e-3}.items()]
    names = {identity_of(space.point({**space.base_values, **other}), "images") for other in others}
    names |= {
        identity_of(space.point(space.base_values), "other images"),
        identity_of(space.point(space.base_values, full_recipe=True), "images"),
        name,
    }
    assert len(names) == len(others) + 3
    same = load(SPACE.replace("quantize.epochs = 3", "quantize.epochs = 3\nsynthesize.processes = 5\nprune.epochs = 9"))
    assert identity_of(same.point(same.base_values), "images") == name


def test_search_is_reproducible(load):
    def proposals():
        space = load(SPACE)
        search, found = DesignSearch(space, "optuna", 40, seed=3), []
        while (trial := search.ask()) is not None:
            found.append(trial.params)
            bits = trial.params["quantize.input_bits"]
            failed = {"validation_accuracy": 0.1 * bits, "validation_l1": 0.1, "lut_estimate": 100 * bits}
            search.tell(trial, {} if len(found) % 7 == 0 else failed)
        return found

    assert proposals() == proposals()
    assert len({str(values) for values in proposals()}) > 20


def test_front_contains_the_rows_that_no_other_dominates():
    numbers = [(0.9, 0.1, 100), (0.9, 0.1, 200), (0.8, 0.1, 50), (0.8, 0.2, 50), (0.7, 0.05, 400), (0.9, 0.1, 100)]
    rows = [{"validation_accuracy": a, "validation_l1": b, "lut_estimate": c} for a, b, c in numbers]
    assert on_front(rows).tolist() == [True, False, True, False, True, True]


def test_field_that_is_a_list_has_a_list_of_lists(load):
    space = load("train_autoencoder.network.encoder = [[8], [16, 8]]\nquantize.zeros = 'raised'\n")
    name = "train_autoencoder.network.encoder"
    assert space.grid() == {name: [(8,), (16, 8)]}
    assert space.base_values == {name: (32, 16)}
    layers = [
        list(space.point({name: value}).configurations()["quantize"].precision)[:3] for value in space.grid()[name]
    ]
    assert layers == [["encoder_1", "latent", "decoder_1"], ["encoder_1", "encoder_2", "latent"]]
    with pytest.raises(PipelineError, match=r"line 1: .*network\.encoder must be between 1 and 4096, not 0"):
        load("train_autoencoder.network.encoder = [[8], [0]]\n")


@pytest.mark.filterwarnings("error:Choices for a categorical")
@pytest.mark.parametrize("strategy", ["optuna", "random"])
def test_lists_are_proposed_without_warnings(load, strategy):
    space = load("train_autoencoder.network.encoder = [[8], [16, 8]]\nquantize.zeros = 'raised'\n")
    search, found = DesignSearch(space, strategy, 12, seed=0), set()
    while (trial := search.ask()) is not None:
        found |= {*trial.params.values()}
        search.tell(trial, {"validation_accuracy": 0.9, "validation_l1": 0.1, "lut_estimate": 100})
    assert found == {(8,), (16, 8)}
