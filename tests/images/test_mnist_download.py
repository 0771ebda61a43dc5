"""Downloads of MNIST that succeed, fail or are slow, and runs without network."""

import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from mnist_samples import HTML, NAMES, NO_CACHE, dataset_of, idx, load, replace_set
from stage_runs import hashes, run_stage

from common.images import downloads, idx_sets


class Mirror:
    """A local web server with an answer per path; records the requests."""

    def __init__(self):
        self.answers: dict[str, bytes] = {}
        self.promised_bytes = 0  # in addition to those sent
        self.bytes_at_a_time, self.pause_seconds = 1 << 20, 0.0
        self.requests: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.requests.append(self.path)
                answer = mirror.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(answer or b"") + mirror.promised_bytes))
                self.end_headers()
                for start in range(0, len(answer or b""), mirror.bytes_at_a_time):
                    time.sleep(mirror.pause_seconds)
                    self.wfile.write(answer[start : start + mirror.bytes_at_a_time])
                    self.wfile.flush()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{folder}/"


@pytest.fixture
def mirror(files, tmp_path, monkeypatch):
    """Return a server whose folders `first` and `second` replace the mirrors, with good files; the cache is empty."""
    contents = {path.name: path.read_bytes() for path in files.values()}
    server = Mirror()
    for folder in ("first", "second"):
        server.answers |= {f"/{folder}/{name}": content for name, content in contents.items()}
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compressed = {f"{name}.gz": hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    replace_set(monkeypatch, "mnist", mirrors=(server.address("first"), server.address("second")), sha256=compressed)
    yield server
    server.server.shutdown()
    server.server.server_close()


def locate(spare: Path = NO_CACHE) -> dict[str, Path]:
    return downloads.locate(idx_sets.SETS["mnist"], None, spare)


def cached(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_download_fills_the_cache_and_is_not_repeated(mirror, files, tmp_path):
    found = locate()
    assert {path.name: path.read_bytes() for path in found.values()} == cached(tmp_path)
    assert mirror.requests == [f"/first/{name}.gz" for name in NAMES]
    mirror.answers.clear()
    assert locate() == found
    assert len(mirror.requests) == len(NAMES)
    assert load(found, allow_other=True).x_train.shape == (30, 28, 28)


@pytest.mark.fault("mnist")
def test_downloads_go_to_the_outputs_if_the_users_cache_is_not_writable(mirror, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/no-cache")
    spare = tmp_path / "spare"
    assert all(path.parent == spare for path in locate(spare).values())
    assert f"MNIST is kept in {spare}" in " ".join(capsys.readouterr().out.split())
    mirror.answers.clear()
    assert dataset_of(locate(spare), allow_other=True)


def test_damaged_file_in_the_cache_is_downloaded_again(mirror, tmp_path):
    good = locate()[NAMES[0]]
    content = good.read_bytes()
    good.write_bytes(content[:-1])
    assert locate()[NAMES[0]].read_bytes() == content


BAD_ANSWERS = {
    "absent": None,
    "web page": HTML,
    "empty": b"",
    "another file": gzip.compress(idx(np.zeros((30, 28, 28), np.uint8))),
}


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_second_mirror_is_used_after_a_bad_answer_of_the_first(mirror, files, tmp_path, answer):
    for name in NAMES:
        mirror.answers[f"/first/{name}.gz"] = answer
    locate()
    assert cached(tmp_path) == {path.name: path.read_bytes() for path in files.values()}
    assert f"/second/{NAMES[0]}.gz" in mirror.requests


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_bad_answers_of_both_mirrors_leave_nothing_in_the_cache(mirror, tmp_path, answer):
    mirror.answers = dict.fromkeys(mirror.answers, answer)
    with pytest.raises(downloads.DataUnavailableError, match=f"{NAMES[0]}.gz could not be downloaded.*--mnist-dir"):
        locate()
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
def test_connection_that_ends_early_leaves_nothing_in_the_cache(mirror, tmp_path):
    mirror.promised_bytes = 1000
    with pytest.raises(downloads.DataUnavailableError):
        locate()
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
@pytest.mark.parametrize(("bytes_at_a_time", "pause_seconds"), [(1, 0.05), (1 << 20, 1.0)], ids=["trickle", "silence"])
def test_download_from_a_slow_server_is_aborted_and_leaves_nothing_in_the_cache(
    mirror, tmp_path, monkeypatch, bytes_at_a_time, pause_seconds
):
    mirror.bytes_at_a_time, mirror.pause_seconds = bytes_at_a_time, pause_seconds
    monkeypatch.setattr(downloads, "PATIENCE_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(
        downloads.DataUnavailableError, match=r"127.0.0.1:\d+/second/: (TimeoutError|ReadTimeout|ReadTimeoutError)"
    ):
        locate()
    assert time.monotonic() - started < 10
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
def test_stage_without_network_and_mnist_names_the_remedy(tmp_path):
    offline = {"XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_stage("01_prepare_data", outputs=tmp_path / "outputs", **offline)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--mnist-dir" in done.stderr
    assert hashes(tmp_path / "outputs") == {}


@pytest.mark.fault("mnist")
def test_make_without_network_and_mnist_falls_back_to_the_demo(tmp_path):
    offline = {"XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_stage("01_prepare_data", "--demo-if-unavailable", outputs=tmp_path / "outputs", **offline)
    assert done.returncode == 0
    assert "DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST" in done.stderr
    assert '"preset": "demo"' in (tmp_path / "outputs" / "01_prepare_data" / "run.json").read_text(encoding="utf-8")
