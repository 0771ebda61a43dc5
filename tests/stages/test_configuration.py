"""Command line of every stage: invalid values are refused with a clear message before any work starts."""

import dataclasses
import math
import shutil
import subprocess
import sys
import typing
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies
from stage_runs import ALL_STAGES, ROOT, hashes, load_stage

from common.errors import PipelineError
from common.networks.layout import HiddenLayers
from common.report.pipeline import DECLARED
from common.stages import presets
from common.stages.configuration import Interval, Part, Pattern, completed, parse_command_line

PAPER = presets.Preset("paper", "paper")


def default_of(stage: str) -> object:
    """Return a stage's default configuration for the paper's network, before any stage has run."""
    return presets.default_configuration(
        presets.subject(stage), Path("/no/outputs"), PAPER, load_stage(stage).PRESETS, DECLARED
    )


def parse(default: object, line: list[str]) -> object:
    """Parse a command line as `run_stage` does."""
    parsed = parse_command_line("", default, line)
    return completed(parsed, lambda each: default_of({presets.subject(stage): stage for stage in ALL_STAGES}[each]))


def fields_of(configuration: object, prefix: str = "--"):
    """Yield flag, type hint and value of each field, those of nested dataclasses and mappings too."""
    for name, hint in typing.get_type_hints(type(configuration), include_extras=True).items():
        flag, value = prefix + name.replace("_", "-"), getattr(configuration, name)
        if dataclasses.is_dataclass(value):
            yield from fields_of(value, f"{flag}.")
        elif isinstance(value, Mapping):
            for key, each in value.items():
                own = f"{flag}.{key.replace('_', '-')}"
                if dataclasses.is_dataclass(each):
                    yield from fields_of(each, f"{own}.")
                else:
                    yield own, typing.get_args(hint)[-1], each
        else:
            yield flag, hint, value


def limited_fields(configuration: object):
    """Yield flag, interval and type of each number with limits."""
    for flag, hint, value in fields_of(configuration):
        for constraint in getattr(hint, "__metadata__", ()):
            if isinstance(constraint, Interval):
                yield flag, constraint, type(value)


WORDS = strategies.text("abcdefghijklmnopqrstuvwxyz0123456789_./%", min_size=1, max_size=12)


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def bad_words(flag: str, hint: object, value: object) -> strategies.SearchStrategy[tuple[list[str], list[str]]]:
    """Return invalid words for a field, each with the allowed values that the message must state."""
    if typing.get_origin(hint) is tuple and hasattr(typing.get_args(hint)[0], "__metadata__"):
        hint, value = typing.get_args(hint)[0], value[0]
    interval = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Interval)), None)
    no_numbers = WORDS.filter(lambda word: not is_number(word.replace("_", ""))).map(lambda word: ([word], []))
    if interval is not None:
        limits = [str(interval.low), str(interval.high)]
        if isinstance(value, int):
            below = strategies.integers(max_value=int(interval.low) - 1)
            above = strategies.integers(min_value=int(interval.high) + 1)
            outside = strategies.one_of(below, above)
            parts = strategies.floats(0.01, 0.99).map(lambda part: ([repr(value + part)], []))
            return strategies.one_of(outside.map(lambda number: ([str(number)], limits)), parts, no_numbers)
        below = strategies.floats(max_value=interval.low, exclude_max=True)
        above = strategies.floats(min_value=interval.high, exclude_min=True)
        outside = strategies.one_of(below, above, strategies.just(math.nan))
        return strategies.one_of(outside.map(lambda number: ([repr(number)], limits)), no_numbers)
    choices = typing.get_args(typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint)
    if typing.get_origin(hint) is typing.Literal or (typing.get_origin(hint) is tuple and choices):
        return WORDS.filter(lambda word: word not in choices).map(lambda word: ([word], list(map(str, choices))))
    pattern = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Pattern)), None)
    if pattern is not None:
        return WORDS.filter(pattern.refuses).map(lambda word: ([word], [pattern.words]))
    if flag == "--layers" or isinstance(value, bool):
        return WORDS.map(lambda word: ([word], list(HiddenLayers().kinds()) if flag == "--layers" else []))
    is_design = hint is str and "/" in value
    assert is_design or "designs" in str(value) or typing.get_origin(hint) is tuple, hint
    return WORDS.filter(lambda word: word != "all").map(lambda word: ([word], ["full/quantized_pruned", "or all"]))


@pytest.mark.fault("configuration")
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_every_field_refuses_invalid_values_and_states_valid_ones(stage, capsys, subtests, request):
    default = default_of(stage)
    # The first two accept any path or preset file; the others have their own tests.
    elsewhere = ("--mnist-dir", "--preset", "--routing.latency-cutoffs", "--crop")
    fields = [field for field in fields_of(default) if field[0] not in elsewhere]
    assert len(fields) == len({flag for flag, _, _ in fields}) >= 3

    @hypothesis.settings(
        max_examples=150 if request.config.getoption("faults") else 6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(strategies.data())
    def hold(data):
        flag, hint, value = data.draw(strategies.sampled_from(fields))
        words, allowed = data.draw(bad_words(flag, hint, value))
        with subtests.test(flag=flag, words=words):
            capsys.readouterr()
            is_tuple = typing.get_origin(hint) is tuple
            line = [flag, *words] if is_tuple else [f"{flag}={words[0]}"]
            with pytest.raises((PipelineError, SystemExit)) as refusal:
                parse(default, line)
            said = "".join((str(refusal.value) + capsys.readouterr().err).split()).replace("│", "")
            if refusal.type is SystemExit:
                assert refusal.value.code == 2
            unnamed = isinstance(value, bool) or "or all" in allowed  # the word itself is named
            for word in [*allowed, *(words if unnamed else [flag.rpartition(".")[2].lstrip("-")])]:
                assert word.replace(" ", "") in said or word.replace("-", "_") in said

    hold()


@pytest.mark.fault("configuration")
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_every_valid_number_is_accepted(stage, request):
    default = default_of(stage)

    @hypothesis.settings(
        max_examples=40 if request.config.getoption("faults") else 4, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(strategies.data())
    def hold(data):
        flag, interval, kind = data.draw(strategies.sampled_from(list(limited_fields(default))))
        numbers = strategies.integers if kind is int else strategies.floats
        value = data.draw(numbers(interval.low, interval.high))
        try:
            found = parse(default, [f"{flag}={value!r}"])
        except PipelineError as error:  # within its limits, but in conflict with another field
            assert "must be" not in str(error)
        else:
            assert {name: each for name, _, each in fields_of(found)}[flag] == value

    hold()


@pytest.mark.parametrize(
    "part",
    ["xcu250-figd2104-2L-e", "xcvu9p-flga2104-2L-e", "xc7vx690tffg1761-2", "xcku115-flvb2104-2-i", "xc7z020clg400-1",
     "xczu9eg-ffvb1156-2-e", "xc7a35tcpg236-1", "xcvc1902-vsva2197-2MP-e-S"],
)  # fmt: skip
def test_real_parts_are_accepted(part):
    [pattern] = typing.get_type_hints(Parts, include_extras=True)["part"].__metadata__
    assert not pattern.refuses(part)
    assert pattern.refuses(part.upper())
    assert pattern.refuses(part.partition("-")[0] + "-")


@dataclasses.dataclass(frozen=True)
class Parts:
    part: Part = "xcu250-figd2104-2L-e"


@pytest.mark.fault("configuration")
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_every_number_out_of_range_is_refused_with_its_flag(stage):
    default = default_of(stage)
    fields = list(limited_fields(default))
    assert fields
    for index, (flag, interval, kind) in enumerate(fields):
        bad = kind((interval.low - 1, interval.high + 1)[index % 2])
        with pytest.raises(PipelineError, match=rf"^{flag} must be between {interval.low} and .*, not"):
            parse_command_line("", default, [f"{flag}={bad}"])
        if kind is float:
            for value in (math.nan, math.inf):
                with pytest.raises(PipelineError, match=rf"^{flag} must be between .*, not {value}"):
                    parse_command_line("", default, [f"{flag}={value}"])


@pytest.mark.fault("configuration")
@pytest.mark.parametrize(
    ("stage", "line", "words"),
    [
        ("03_prune", "--layers encoder_9", "--layers encoder_9: there is no such layer; layers are encoder_1,"),
        ("04_quantize", "--precision.encoder-9.weight-bits 5", "there is no encoder_9; there are encoder_1, encoder_2"),
        ("04_quantize", "--raised.sparsity.encoder-9=0.5", "there is no encoder_9; there are encoder_1, encoder_2"),
        ("04_quantize", "--precision.decoder-3.activation-bits 24", "--precision.decoder-3 has .* before the sigmoid"),
        ("04_quantize", "--raised.sparsity.latent 2", "--raised.sparsity.latent must be between 0 and 1, not 2"),
        ("02_train_autoencoder", "--network.encoder 32 0", "--network.encoder must be between 1 and 4096, not 0"),
    ],
)
def test_refusals_name_the_layers_that_there_are(stage, line, words):
    with pytest.raises(PipelineError, match=words):
        parse(default_of(stage), line.split())


def test_defaults_follow_from_the_configurations_of_earlier_stages():
    network = HiddenLayers(encoder=(9, 9, 9), decoder=(), classifier=(7,))
    earlier = {"train_autoencoder": dataclasses.replace(DECLARED["train_autoencoder"]["paper"], network=network)}
    pruned = completed(DECLARED["prune"]["paper"], earlier.__getitem__)
    assert pruned.layers == ("encoder_2", "encoder_3", "classifier_1")
    assert completed(pruned, earlier.__getitem__) == pruned
    quantize = completed(DECLARED["quantize"]["revision"], earlier.__getitem__)
    assert list(quantize.precision) == list(network.kinds())
    assert completed(quantize, earlier.__getitem__) == quantize
    first = DECLARED["train_autoencoder"]["paper"]
    assert completed(first, earlier.__getitem__) is first


def test_designs_with_a_decoder_need_a_quantized_one():
    earlier = {"quantize": DECLARED["quantize"]["revision"]}
    convert = DECLARED["convert_hls"]["paper"]
    designs = completed(convert, earlier.__getitem__).default_designs
    assert designs and not [name for name in designs if name.startswith("full/quantized")]
    with pytest.raises(PipelineError, match=r"--designs full/quantized needs a quantized decoder: .*--part network"):
        completed(dataclasses.replace(convert, designs=("full/quantized",)), earlier.__getitem__)


@dataclasses.dataclass(frozen=True)
class Limited:
    """A configuration with one number."""

    number: typing.Annotated[int, Interval(2, 5)] = 3


def test_interval_includes_its_limits():
    assert [parse_command_line("", Limited(), [f"--number={value}"]).number for value in (2, 5)] == [2, 5]
    for value in (1, 6):
        with pytest.raises(PipelineError, match=f"--number must be between 2 and 5, not {value}"):
            parse_command_line("", Limited(), [f"--number={value}"])


def test_projects_and_vivado_scripts_are_for_one_part():
    assert load_stage("05_convert_hls").Configuration().hls.part == load_stage("06_synthesize").Configuration().part


BAD_COMMAND_LINES = {
    "01_prepare_data": ["--presets demo", "--preset fast", "--downsampling nearest", "--seed one", "--seed -1"],
    "02_train_autoencoder": ["--epoch 3", "--epochs 2.5", "--epochs 0", "--batch-size many", "--learning-rate nan",
                             "--schedule step", "--resume --schedule cosine", "--resume --learning-rate 0.01",
                             "--resume --seed 3", "--starts.count 2 --starts.validation-images 1500", "extra"],
    "03_prune": ["--sparsity 1", "--sparsity 80%", "--layers encoder_9", "--begin-step 3000 --end-step 2000",
                 "--frequency 0", "--epochs 1"],
    "04_quantize": ["--precision.encoder-1.weight-bits 0", "--precision.encoder-1.weight-bits five",
                    "--precision.encoder-9.weight-bits 5", "--input-bits 6", "--epochs 0",
                    "--precision.encoder-1.weight-integer-bits 5", "--precision.decoder-3.activation-bits 24",
                    "--precision.decoder-3.activation-integer-bits 8"],
    "05_convert_hls": ["--designs decoder/pruned", "--designs full/half", "--hls.backend Quartus", "--processes 0",
                       "--hls.clock-ns 0", "--hls.reuse-factor -1", "--hls.part spartan"],
    "06_synthesize": ["--synthesize full/half", "--synthesize encoder/pruned", "--families xc6", "--part spartan",
                      "--tool quartus", "--tool vitis", "--hls-steps cosim", "--latency-cutoff 0", "--tabulate-latent",
                      "--timeout-seconds 0"],
}  # fmt: skip
"""Unknown names, wrong types, values out of range, and fields that contradict each other."""


@pytest.fixture(scope="module")
def own_outputs(demo_outputs, tmp_path_factory):
    """Return demo outputs that no parallel worker runs a stage in."""
    return shutil.copytree(demo_outputs, tmp_path_factory.mktemp("own") / "outputs")


@pytest.mark.fault("configuration")
@pytest.mark.parametrize(
    ("stage", "line"), [(stage, line) for stage in ALL_STAGES for line in BAD_COMMAND_LINES[stage]]
)
def test_bad_command_lines_are_refused_and_nothing_is_written(run_here, own_outputs, stage, line):
    before = hashes(own_outputs)
    status, printed, errors = run_here(stage, *line.split(), outputs=own_outputs)
    assert status in (1, 2)
    assert errors.strip()
    assert "━" not in printed  # no progress
    assert hashes(own_outputs) == before


@pytest.mark.parametrize("stage", ALL_STAGES)
def test_help_does_not_import_slow_packages(stage):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", f"{stage}.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    for field in dataclasses.fields(default_of(stage)):
        assert f"--{field.name.replace('_', '-')}" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "common.stages.stage" in imported
    slow = {"common.networks.legacy_keras", "qkeras", "hls4ml", "alkaid", "sklearn", "skimage", "matplotlib"}
    assert not imported & slow  # legacy_keras imports TensorFlow with standard error discarded
