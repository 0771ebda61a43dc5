"""Settings of HGQ2's trainings, and what optuna may choose."""

import math
from dataclasses import dataclass

import optuna


@dataclass(frozen=True)
class Settings:
    """Settings of a training that optuna chooses.

    Attributes:
        learning_rate: At the start; cosine decay to a twentieth.
        first_beta: Weight of EBOPs, HGQ2's estimate of LUTs, in the loss of the first epoch.
        last_beta: The same at the end of the ramp, and from there on.
        ramp: Fraction of the training during which it rises, exponentially.
        bits: Bits of weights and fraction bits of activations at the start [bit].
        tables: First layer made of learnt look-up tables, and the one after the last; none in the peer `dense`.
        seed: Seed of initial weights and of the order of images.
    """

    learning_rate: float
    first_beta: float
    last_beta: float
    ramp: float
    bits: int
    tables: tuple[int, int]
    seed: int

    def rate(self, time: float) -> float:
        """Return the learning rate at a time from 0 to 1."""
        return self.learning_rate * (0.05 + 0.475 * (1 + math.cos(math.pi * time)))

    def beta(self, time: float) -> float:
        """Return the weight of EBOPs at a time from 0 to 1."""
        return self.first_beta * (self.last_beta / self.first_beta) ** min(time / self.ramp, 1.0)


def suggested(trial: optuna.Trial, kind: str) -> Settings:
    """Return the settings of a trial; with tables, either all layers but the first, or the latent layer's two sides."""
    return Settings(
        trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        trial.suggest_float("first_beta", 1e-7, 1e-5, log=True),
        trial.suggest_float("last_beta", 3e-6, 3e-4, log=True),
        trial.suggest_float("ramp", 0.5, 1.0),
        trial.suggest_int("bits", 3, 6),
        (trial.suggest_categorical("first_table", [1, 2]), 4) if kind == "tables" else (0, 0),
        trial.number,
    )
