"""Trainings in parallel threads: same weights as in sequence, and all end when one fails."""

import signal
import threading
import time

import numpy as np
import pytest
from paper_networks import build
from stage_runs import wait_until

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import training
from common.networks.legacy_keras import make_deterministic
from common.networks.recipe import Recipe
from common.running.threads import StoppedError, run_together, stop_if_asked

RECIPE = Recipe(epochs=3, batch_size=16)
TASKS = [("classifier", 0), ("autoencoder", 0), ("classifier", 1), ("autoencoder", 1)]


def trained_weights(network: str, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    samples = Samples(rng.random((200, 64), np.float32), rng.integers(10, size=200))
    make_deterministic(seed)
    model = build(network)
    training.compile_network(model, RECIPE, 200)
    training.train(model, samples, samples, RECIPE, network)
    return model.get_weights()


def test_networks_trained_in_parallel_equal_those_trained_in_sequence():
    together = run_together(trained_weights, TASKS)
    for task, found in zip(TASKS, together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, trained_weights(*task), strict=True))


def test_failure_of_a_task_ends_the_training_of_another():
    def work(fails: bool) -> None:
        rng = np.random.default_rng(5)
        samples = Samples(rng.random((200, 64), np.float32), rng.integers(10, size=200))
        model = build("autoencoder")
        training.compile_network(model, RECIPE, 200)
        begun.wait()
        if fails:
            raise PipelineError("the loss is nan")
        training.train(model, samples, samples, Recipe(epochs=100_000, batch_size=16), "test")

    begun = threading.Barrier(2)
    started = time.monotonic()
    with pytest.raises(PipelineError, match="the loss is nan"):
        run_together(work, [(False,), (True,)])
    assert time.monotonic() - started < 60


def test_thread_results_are_in_task_order():
    assert run_together(lambda number: (time.sleep(0.05 / number), number)[1], [(1,), (2,), (3,)]) == [1, 2, 3]


def test_when_one_fails_the_others_end_and_its_error_is_raised():
    ended = []

    def work(fails: bool) -> None:
        if fails:
            raise PipelineError("the loss is nan")
        run_together(wait, [(1,), (2,)])  # threads of threads end too

    def wait(number: int) -> None:
        for _ in range(600):
            try:
                stop_if_asked()
            except Exception:
                ended.append(number)
                raise
            time.sleep(0.01)

    with pytest.raises(PipelineError, match="the loss is nan"):
        run_together(work, [(False,), (True,)])
    assert sorted(ended) == [1, 2]
    stop_if_asked()  # later calls do not raise


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_ctrl_c_ends_all_threads_even_if_another_thread_receives_the_signal(seconds):
    """The kernel may deliver a signal to any thread; Python handles it only in the main thread."""
    before, begun, ended = threading.active_count(), [], []

    def work(interrupts: bool) -> None:
        begun.append(interrupts)
        if interrupts:
            time.sleep(seconds)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        for _ in range(600):
            try:
                stop_if_asked()
            except StoppedError:
                ended.append(interrupts)
                raise
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        run_together(work, [(True,), (False,)])
    wait_until(lambda: threading.active_count() == before)
    assert True in ended
    assert sorted(ended) == sorted(begun)
