"""Search strategies: a grid, random designs, or proposals of optuna's multi-objective search."""

import itertools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import optuna

from common.scan.points import Point
from common.scan.spaces import DesignSpace

Strategy = Literal["optuna", "random", "grid"]
DIRECTIONS = ("maximize", "minimize", "minimize")  # of `objectives`
STARTUP = 16  # random designs before optuna has learned enough to propose any


def objectives(row: Mapping[str, float]) -> tuple[float, float, float]:
    """Return accuracy and L1 on held-out images, and the logarithm of alkaid's LUT estimate."""
    return row["validation_accuracy"], row["validation_l1"], log2_luts(row)


def log2_luts(row: Mapping[str, float]) -> float:
    """Return the logarithm of alkaid's LUT estimate; 0 LUTs count as 1."""
    return float(np.log2(max(row["lut_estimate"], 1)))


def on_front(rows: list[Mapping[str, float]]) -> np.ndarray:
    """Return which rows are on the Pareto front of all three objectives, bool [rows]."""
    costs = np.array([(-accuracy, l1, luts) for accuracy, l1, luts in map(objectives, rows)]).reshape(-1, 3)
    as_good = (costs[:, None] <= costs[None, :]).all(axis=2)
    better = (costs[:, None] < costs[None, :]).any(axis=2)
    return ~(as_good & better).any(axis=0)


class DesignSearch:
    """Search that proposes points of a space and learns from their results.

    The same results in the same order give the same proposals, so an interrupted scan needs only its stored points.
    """

    def __init__(self, space: DesignSpace, strategy: Strategy, points: int, seed: int) -> None:
        self._space = space
        if strategy == "optuna":
            sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
        else:
            sampler = optuna.samplers.RandomSampler(seed)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(directions=DIRECTIONS, sampler=sampler)
        first = [dict(space.base_values)] if space.contains(space.base_values) else []  # known to be good
        if strategy == "grid":
            grid = space.grid()
            every = itertools.islice(itertools.product(*grid.values()), points)
            first = [dict(zip(grid, values, strict=True)) for values in every]
            points = len(first)
        for values in first:
            self._study.enqueue_trial(values)
        self.total = self._left = points

    def ask(self) -> optuna.Trial | None:
        """Return the next proposal, or None after the last; its `params` are the values."""
        if not self._left:
            return None
        self._left -= 1
        return self._study.ask(dict(self._space.axes))

    def point(self, trial: optuna.Trial) -> Point:
        """Return the point of a proposal."""
        return self._space.point(trial.params)

    def tell(self, trial: optuna.Trial, row: Mapping[str, Any]) -> None:
        """Record the numbers of a proposal; an empty row if it failed."""
        if row:
            self._study.tell(trial, objectives(row))
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
