"""Writes what Optuna itself keeps of two small studies, for the tests of the interchange: a journal, the SQL of a
database, and what Optuna says is in them.

    python -m venv /tmp/optuna && /tmp/optuna/bin/pip install optuna==5.0.0
    /tmp/optuna/bin/python tools/golden/optuna_interchange.py crates/tunesmith-store/tests/store/golden
"""

import json
import math
import pathlib
import sqlite3
import sys
import tempfile
import warnings

import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")


def fill(study: optuna.Study, several: bool) -> None:
    study.set_user_attr("note", "by hand, with \"quotes\" and NaN")
    study.enqueue_trial({"lr": 1e-3, "batch": 32})

    def objective(trial: optuna.Trial):
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        dropout = trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
        trial.suggest_categorical("batch", [16, 32, 64])
        layers = trial.suggest_int("layers", 1, 4)
        trial.suggest_int("width", 8, 64, step=8)
        trial.suggest_int("k", 1, 128, log=True)
        optimizer = trial.suggest_categorical("opt", ["adam", "sgd", None, True, 1.5])
        if optimizer == "sgd":
            trial.suggest_float("momentum", 0.0, 0.99)
        trial.set_user_attr("who", "me")
        if trial.number == 3:
            raise ValueError("no")
        if several:
            return lr * 10 + dropout, float(layers)
        for step in range(3):
            trial.report(math.nan if (trial.number, step) == (2, 1) else lr * step + dropout, step)
        if trial.number == 4:
            raise optuna.TrialPruned()
        return math.inf if trial.number == 5 else lr * 10 + dropout

    study.optimize(objective, n_trials=7, catch=(ValueError,))
    study.ask().suggest_float("lr", 1e-5, 1e-1, log=True)
    study.enqueue_trial({"lr": 2e-3})


def make(storage) -> None:
    one = optuna.create_study(
        storage=storage, study_name="one", direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1)
    )
    one.set_metric_names(["accuracy"])
    fill(one, several=False)
    two = optuna.create_study(
        storage=storage,
        study_name="two",
        directions=["minimize", "maximize"],
        sampler=optuna.samplers.RandomSampler(seed=2),
    )
    fill(two, several=True)


def number(value):
    return value if value is None or math.isfinite(value) else repr(value)


def said(storage) -> list:
    studies = []
    for name in ("one", "two"):
        trials = optuna.load_study(storage=storage, study_name=name).trials
        studies.append(
            {
                "name": name,
                "trials": [
                    {
                        "state": trial.state.name,
                        "params": trial.params,
                        "values": trial.values and [number(value) for value in trial.values],
                        "intermediate": {str(s): number(v) for s, v in trial.intermediate_values.items()},
                    }
                    for trial in trials
                ],
            }
        )
    return studies


def main(folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        journal = pathlib.Path(temporary) / "optuna.journal"
        storage = JournalStorage(JournalFileBackend(str(journal)))
        make(storage)
        expected = said(storage)
        (folder / "optuna.journal").write_bytes(journal.read_bytes())
        database = pathlib.Path(temporary) / "optuna.db"
        storage = RDBStorage(f"sqlite:///{database}")
        make(storage)
        assert json.dumps(said(storage)) == json.dumps(expected)
        dump = "\n".join(sqlite3.connect(database).iterdump())
        (folder / "optuna.sql").write_text(dump + "\n")
        (folder / "optuna.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
