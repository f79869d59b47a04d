"""A search on a Ray cluster of two nodes, one of which is lost on the way.

Both nodes are on this machine, so that a file serves as the storage; on several machines give the study
`storage="postgres://…"`, or the `http://…` of `tunesmith serve`, and `run` the `address` of the cluster.

    pip install "ray[default]" tunesmith
    python examples/ray_two_nodes.py
"""

import tempfile
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

import tunesmith
import tunesmith.ray


def train(trial):
    """Stands for a training of ten epochs."""
    for epoch in range(1, 11):
        time.sleep(0.1)
        loss = (trial["learning_rate"] * 1e4 - 2) ** 2 + 1 / epoch
        if trial.report(loss, epoch) != "continue":
            return None
    return loss


def main():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    study = tunesmith.Study(
        {"learning_rate": tunesmith.loguniform(1e-5, 1e-3), "batch_size": [16, 32]},
        metric="loss",
        trials=40,
        steps=10,
        scheduler="asha",
        storage=Path(tempfile.mkdtemp()) / "tunesmith.db",
    )

    def lose_a_node(study, trial):
        if trial.number == 15 and other in cluster.worker_nodes:
            print("the second node is lost")
            cluster.remove_node(other)

    try:
        tunesmith.ray.run(train, study, progress=lose_a_node)
    finally:
        ray.shutdown()
        cluster.shutdown()

    print({state: count for state, count in study.counts.items() if count})
    print("best:", study.best_params, study.best_value)
    again = [trial.number for trial in study.trials if trial.leases > 1]
    print("run again, because their worker was lost:", again or "none")


if __name__ == "__main__":
    main()
