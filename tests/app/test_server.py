"""The app over HTTP: places, tokens, foreign names, and what a signal leaves behind."""

from __future__ import annotations

import http.cookiejar
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import psutil
import pytest

import lipexplore
from lipexplore.networks.generators import random_dense
from tests.browser.app import ROOT, App

pytestmark = pytest.mark.slow


def get(address: str, **headers: str) -> tuple[int, str]:
    """Return status and text of a page; a kernel starts where the page is the workbench."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.build_opener(jar).open(request, timeout=300) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def kernel_of(page: str) -> str:
    return re.search(r'"kernelId": "([\w-]+)"', page)[1]


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(*options: str) -> App:
        running.append(App(tmp_path, *options))
        return running[-1]

    yield begin
    for app in running:
        app.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_kernel_and_worker(start, tmp_path, number):
    path = tmp_path / "mine.npz"
    lipexplore.save_network(random_dense((3, 4, 2), 0), path)
    app = start(str(path))
    status, text = get(app.address)
    assert status == 200
    assert "<title>lipexplore</title>" in text
    assert "application/vnd.jupyter.widget-view+json" in text
    assert not re.search(r"(?:src|href)=.https?:", text)
    family = app.family()
    (kernel,) = app.kernels()
    assert app.workers(kernel)
    assert app.stop(number) == 0
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert app.log() == ""


def test_places_are_refused_while_taken_and_freed(start):
    app = start("--users", "1")
    kernel = kernel_of(get(app.address)[1])
    status, text = get(app.address)
    assert status == 503
    assert "come back later, or close another page" in text
    assert "http" not in text
    assert len(app.kernels()) == 1

    # a page that is closed says so as a browser's beacon does: no body, cookie or XSRF token
    leaving = urllib.request.Request(f"{app.address}voila/api/shutdown/{kernel}", method="POST")
    with urllib.request.urlopen(leaving, timeout=120) as answer:
        assert answer.status == 204
    assert app.kernels() == []

    kernel = kernel_of(get(app.address)[1])
    assert get(f"{app.address}api/kernels/{kernel}")[0] == 200
    app.kernels()[0].kill()
    end = time.monotonic() + 180
    while get(f"{app.address}api/kernels/{kernel}")[0] != 404 and time.monotonic() < end:
        time.sleep(0.2)
    assert get(app.address)[0] == 200
    assert len(app.kernels()) == 1


def test_others_need_the_token(start):
    app = start("--host", "0.0.0.0")
    port, token = urlsplit(app.address).port, urlsplit(app.address).query
    base = f"http://127.0.0.1:{port}/"
    _, text = get(base)
    assert "kernelId" not in text
    assert get(base + "api/kernels/00000000-0000-0000-0000-000000000000")[0] == 403
    _, text = get(f"{base}?token=wrong-{token}")
    assert "kernelId" not in text
    assert app.kernels() == []
    assert kernel_of(get(f"{base}?{token}")[1])


def test_a_foreign_name_and_a_port_in_use_are_refused(start):
    app = start()
    assert get(app.address, Host="attacker.example")[0] == 403
    assert app.kernels() == []
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lipexplore.cli", "explore", "--no-browser"),
            *("--port", str(urlsplit(app.address).port)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"lipexplore: cannot listen on port \d+ .*\n", done.stderr)
