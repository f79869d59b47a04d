"""Opens what `tunesmith export` wrote with Optuna itself, and compares trial by trial with `tunesmith trials --json`.

    tunesmith export my-study out.journal
    tunesmith export my-study out.db --to optuna-sqlite
    tunesmith trials my-study --json > trials.json
    python tools/parity/optuna_reads.py trials.json my-study out.journal out.db

Needs optuna 5; with plotly its plots are drawn too, with optuna-dashboard its server is asked for the study.
"""

import importlib.util
import json
import pathlib
import sys
import wsgiref.util

import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

STATES = {
    "completed": "COMPLETE",
    "pruned": "PRUNED",
    "failed": "FAIL",
    "cancelled": "FAIL",
    "queued": "WAITING",
    "running": "RUNNING",
    "paused": "RUNNING",
}


def opened(path: str):
    if pathlib.Path(path).read_bytes().startswith(b"SQLite format 3"):
        return RDBStorage(f"sqlite:///{path}")
    return JournalStorage(JournalFileBackend(path))


def same(theirs, ours) -> bool:
    return theirs == ours or (isinstance(ours, float) and abs(theirs - ours) <= 1e-15 * abs(ours))


def compare(study: optuna.Study, trials: list) -> int:
    assert len(study.trials) == len(trials), (len(study.trials), len(trials))
    for theirs, ours in zip(study.trials, trials):
        assert theirs.state.name == STATES[ours["state"]], (theirs.number, theirs.state, ours["state"])
        if theirs.state.name != "WAITING":
            assert set(theirs.params) == set(ours["params"]), theirs.number
            for name, value in ours["params"].items():
                assert same(theirs.params[name], value), (theirs.number, name, theirs.params[name], value)
                assert theirs.distributions[name]._contains(
                    theirs.distributions[name].to_internal_repr(theirs.params[name])
                ), (theirs.number, name)
        names = study.metric_names
        if theirs.state.name == "COMPLETE":
            assert len(theirs.values) == len(names), (theirs.number, theirs.values)
            for name, value in zip(names, theirs.values):
                assert same(value, ours["values"][name]), (theirs.number, name, value, ours["values"])
        steps = {report["step"]: report["metrics"] for report in ours["reports"] if names[0] in report["metrics"]}
        assert theirs.intermediate_values.keys() == steps.keys(), (theirs.number, theirs.intermediate_values)
        for step, value in theirs.intermediate_values.items():
            assert same(value, steps[step][names[0]]), (theirs.number, step, value)
        assert theirs.user_attrs["tunesmith:state"] == ours["state"], theirs.number
    return len(trials)


def draw(study: optuna.Study) -> list:
    from optuna import visualization as draw

    drawn = []
    if len(study.directions) == 1:
        for plot in ("optimization_history", "parallel_coordinate", "slice", "intermediate_values", "param_importances"):
            getattr(draw, f"plot_{plot}")(study).to_json()
            drawn.append(plot)
    else:
        draw.plot_pareto_front(study).to_json()
        drawn.append("pareto_front")
    return drawn


def ask_dashboard(storage, name: str) -> int:
    from optuna_dashboard import wsgi

    application = wsgi(storage)

    def get(path: str) -> dict:
        environment: dict = {}
        wsgiref.util.setup_testing_defaults(environment)
        environment["PATH_INFO"] = path
        said: list = []
        body = b"".join(application(environment, lambda status, *_: said.append(status)))
        assert said[0].startswith("200"), (path, said)
        return json.loads(body)

    (number,) = (one["study_id"] for one in get("/api/studies")["study_summaries"] if one["study_name"] == name)
    return len(get(f"/api/studies/{number}")["trials"])


def main(trials: str, name: str, *files: str) -> None:
    listed = json.loads(pathlib.Path(trials).read_text())
    listed = listed["trials"] if isinstance(listed, dict) else listed
    for path in files:
        storage = opened(path)
        study = optuna.load_study(storage=storage, study_name=name)
        print(f"{path}: {compare(study, listed)} trials are the same", end="")
        if importlib.util.find_spec("plotly"):
            print(f"; drawn: {', '.join(draw(study))}", end="")
        if importlib.util.find_spec("optuna_dashboard"):
            shown = ask_dashboard(storage, name)
            assert shown == len(listed), shown
            print(f"; the dashboard shows {shown} trials", end="")
        print()


if __name__ == "__main__":
    main(*sys.argv[1:])
