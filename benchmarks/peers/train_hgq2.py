"""Tune and train one HGQ2 peer of the classifier network, in the environment of `requirements.txt` beside this file.

Run:     KERAS_BACKEND=jax python -m benchmarks.peers.train_hgq2 dense|tables IMAGES FOLDER
Reads:   IMAGES, which is `images.npz` of stage 01; test images only once a seed's network is chosen
Writes:  FOLDER/training.json; FOLDER/seed_SEED/0.json (logic of the chosen network, traced by alkaid) and outputs.npy
         (its outputs for the test images); FOLDER/seed_0/1.json and so on (logic of the front of seed 0)

`python -m benchmarks.peers` runs it.
"""

import itertools
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna

from benchmarks.peers.hgq2_networks import Point, Trainer
from benchmarks.peers.hgq2_settings import Settings, suggested
from common.images import dataset

VALIDATION_IMAGES, TRIALS, SEEDS, STARTS, FRONT_POINTS = 10_000, 20, 3, 8, 5
EPOCHS = {(0, 0): (100, 800), (2, 4): (40, 320), (1, 4): (5, 40)}  # of a trial, of a seed, by the layers of tables


def front(points: list[Point]) -> list[Point]:
    """Return the networks that no other one beats in both accuracy and EBOPs, the smallest first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.ebops, -point.accuracy)):
        if not found or point.accuracy > found[-1].accuracy:
            found.append(point)
    return found


def main(kind: str, images: Path, folder: Path) -> None:
    """Tune, train several seeds, write their logic."""
    train, test = dataset.load(images)
    train, validation = train.split(VALIDATION_IMAGES)
    trainers: dict[tuple[int, int], Trainer] = {}

    def trainer(settings: Settings) -> Trainer:
        if settings.tables not in trainers:
            trainers[settings.tables] = Trainer(settings, train, validation)
        return trainers[settings.tables]

    def score(trial: optuna.Trial) -> float:
        settings = suggested(trial, kind)
        return max(point.score for point in trainer(settings).run(settings, EPOCHS[settings.tables][0]))

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(score, TRIALS)
    chosen = suggested(study.best_trial, kind)
    record = {"settings": asdict(chosen), "trials": len(study.trials), "tuning_minutes": time.process_time() / 60}
    record["seeds"] = []
    training, epochs = trainer(chosen), EPOCHS[chosen.tables][1]

    def after_start(settings: Settings) -> float:
        begun = itertools.islice(training.run(settings, epochs), max(epochs // 80, 1))
        return [point.accuracy for point in begun][-1]

    for seed in range(SEEDS):
        started = time.process_time()
        starts = [replace(chosen, seed=STARTS * seed + number) for number in range(STARTS)]
        points = list(training.run(max(starts, key=after_start), epochs))
        minutes = (time.process_time() - started) / 60
        written, beaten_by_none = [max(points, key=lambda point: point.score)], front(points)
        if seed == 0:
            spread = np.linspace(0, len(beaten_by_none) - 1, FRONT_POINTS).round().astype(int)
            written += [beaten_by_none[place] for place in sorted(set(spread))]
        for number, point in enumerate(written):
            training.write_logic(point, folder / f"seed_{seed}" / f"{number}.json")
            if number == 0:
                outputs = training.model.predict(test.intensities, batch_size=2000, verbose=0)
                np.save(folder / f"seed_{seed}" / "outputs.npy", outputs)
        rows = [{"accuracy": point.accuracy, "ebops": point.ebops} for point in written]
        record["seeds"].append({"seed": seed, "training_minutes": minutes, "points": rows})
        print(json.dumps(record["seeds"][-1]), flush=True)
    (folder / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
