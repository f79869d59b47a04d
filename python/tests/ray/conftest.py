"""Ray for the tests: on this machine, and as a cluster of several nodes."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left():
    yield
    ray = pytest.importorskip("ray")
    ray.shutdown()


@pytest.fixture
def local():
    """Ray on this machine, with room for two workers; tests share it."""
    ray = pytest.importorskip("ray")
    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


@pytest.fixture
def cluster():
    """A cluster of one node with room for one worker; tests add others."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    ray.shutdown()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield nodes
    ray.shutdown()
    nodes.shutdown()
