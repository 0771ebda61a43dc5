"""A small network of alkaid, for all simulators."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def network_rtl(tmp_path_factory):
    """Return a folder with the RTL of a small network, and its logic: products, saturation, a table; change neither."""
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArrayInput, HWConfig, trace

    from common.rtl.shared_sums import ADD_THREE, rebuild, with_estimates

    folder = tmp_path_factory.mktemp("network")
    generator = np.random.default_rng(3)
    inputs = FVArrayInput((4,), hwconf=HWConfig(1, -1, -1)).quantize(np.ones(4, int), np.full(4, 1), np.full(4, 3))
    hidden = inputs @ (generator.integers(-7, 8, (4, 3)) / 8) + generator.integers(-7, 8, 3) / 16
    hidden = hidden.relu().quantize(np.zeros(3, int), np.full(3, 1), np.full(3, 3), "SAT", "RND")
    hidden = np.tanh(hidden - 0.5).quantize(np.ones(3, int), np.full(3, 0), np.full(3, 5))
    logic = with_estimates(rebuild(trace(inputs, hidden @ (generator.integers(-7, 8, (3, 2)) / 8))))
    assert logic.lookup_tables
    assert any(operation.opcode == ADD_THREE for operation in logic.ops)
    RTLModel(logic, folder, "top", latency_cutoff=3, ternary_fuse=False, print_latency=False).write()
    return folder, logic
