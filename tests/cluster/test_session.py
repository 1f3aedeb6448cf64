"""A cluster that is not there, or has no room, is one line, and soon."""

import socket
import sys
from typing import Any

import pytest

from elinker.cluster.session import ClusterSettings, connected
from elinker.errors import MissingExtraError, UsageError


@pytest.mark.parametrize("address", ["ray://head:10001", "head", ":6379", "head:http"])
def test_an_address_names_a_host_and_a_port(address: str) -> None:
    with pytest.raises(UsageError, match="address"):
        ClusterSettings(address=address)


@pytest.mark.parametrize("numbers", [{"workers": 0}, {"cpus_per_worker": 0}, {"gpus_per_worker": -1.0}])
def test_workers_need_a_share(numbers: Any) -> None:
    with pytest.raises(UsageError):
        ClusterSettings(**numbers)


def test_several_gpus_a_worker_are_whole_ones() -> None:
    assert ClusterSettings(gpus_per_worker=2.0).gpus_per_worker == 2.0
    with pytest.raises(UsageError, match=r"1\.5 GPUs"):
        ClusterSettings(gpus_per_worker=1.5)


def test_ray_that_is_not_installed_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"elinker\[cluster\]"), connected(ClusterSettings()):
        pass


def test_an_address_where_nothing_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(UsageError, match=f"no Ray cluster answers at {address}") as caught,
            connected(ClusterSettings(address=address)),
        ):
            pass
    assert "ray start" in str(caught.value)


def test_a_worker_that_fits_on_no_machine_is_refused(ray_here: Any) -> None:
    with (
        pytest.raises(UsageError, match="no machine has room for a worker of 64 CPUs and 0 GPUs"),
        connected(ClusterSettings(cpus_per_worker=64)),
    ):
        pass
