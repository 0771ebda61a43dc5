"""The command line of every stage: what it refuses, with which words, before any work starts."""

import dataclasses
import math
import subprocess
import sys
import typing

import pytest
from stage_runs import ROOT, STAGES, hashes, load_stage

from common.configuration import Interval, parse_command_line
from common.errors import PipelineError


def limited_fields(configuration: object, prefix: str = "--"):
    """Yield flag and interval of each number with limits, those of nested dataclasses too."""
    for name, hint in typing.get_type_hints(type(configuration), include_extras=True).items():
        flag = prefix + name.replace("_", "-")
        value = getattr(configuration, name)
        if dataclasses.is_dataclass(value):
            yield from limited_fields(value, f"{flag}.")
        for constraint in getattr(hint, "__metadata__", ()):
            if isinstance(constraint, Interval):
                yield flag, constraint, type(value)


@pytest.mark.parametrize("stage", STAGES)
def test_every_number_out_of_its_range_is_refused_by_its_flag(stage):
    default = load_stage(stage).Configuration()
    fields = list(limited_fields(default))
    assert fields
    for index, (flag, interval, kind) in enumerate(fields):
        bad = kind((interval.low - 1, interval.high + 1)[index % 2])
        with pytest.raises(PipelineError, match=rf"^{flag} must lie between {interval.low} and .*, not"):
            parse_command_line("", default, [f"{flag}={bad}"])
        if kind is float:
            for value in (math.nan, math.inf):
                with pytest.raises(PipelineError, match=rf"^{flag} must lie between .*, not {value}"):
                    parse_command_line("", default, [f"{flag}={value}"])


@dataclasses.dataclass(frozen=True)
class Limited:
    """A configuration with one number."""

    number: typing.Annotated[int, Interval(2, 5)] = 3


def test_limits_themselves_are_allowed():
    assert [parse_command_line("", Limited(), [f"--number={value}"]).number for value in (2, 5)] == [2, 5]
    for value in (1, 6):
        with pytest.raises(PipelineError, match=f"--number must lie between 2 and 5, not {value}"):
            parse_command_line("", Limited(), [f"--number={value}"])


BAD_COMMAND_LINES = {
    "01_prepare_data": ["--presets demo", "--preset fast", "--downsampling nearest", "--seed one", "--seed -1"],
    "02_train_autoencoder": ["--epoch 3", "--epochs 2.5", "--epochs 0", "--batch-size many", "--learning-rate nan",
                             "--schedule step", "--resume --schedule cosine", "extra"],
    "03_prune": ["--sparsity 1", "--sparsity 80%", "--layers encoder_9", "--begin-step 3000 --end-step 2000",
                 "--frequency 0", "--epochs 1"],
    "04_quantize": ["--precision.encoder-1.weight-bits 0", "--precision.encoder-1.weight-bits five",
                    "--precision.encoder-9.weight-bits 5", "--precision.input-bits 6", "--epochs 0"],
    "05_convert_hls": ["--designs decoder/pruned", "--designs full/half", "--hls.backend Quartus", "--processes 0",
                       "--hls.clock-ns 0", "--hls.reuse-factor -1"],
}  # fmt: skip
"""Unknown names, wrong types, values out of range, and fields that contradict each other."""


@pytest.mark.parametrize(("stage", "line"), [(stage, line) for stage in STAGES for line in BAD_COMMAND_LINES[stage]])
def test_bad_command_lines_are_refused_and_nothing_is_written(run_here, demo_outputs, stage, line):
    before = hashes(demo_outputs)
    status, printed, errors = run_here(stage, *line.split(), outputs=demo_outputs)
    assert status in (1, 2)
    assert errors.strip()
    assert "━" not in printed  # no progress
    assert hashes(demo_outputs) == before


@pytest.mark.parametrize("stage", STAGES)
def test_help_comes_without_loading_what_only_work_needs(stage):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", f"{stage}.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for field in dataclasses.fields(load_stage(stage).Configuration):
        assert f"--{field.name.replace('_', '-')}" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "common.stages" in imported
    slow = {"common.legacy_keras", "qkeras", "hls4ml", "alkaid", "sklearn", "skimage", "matplotlib"}
    assert not imported & slow  # legacy_keras is what imports TensorFlow, with standard error turned off
