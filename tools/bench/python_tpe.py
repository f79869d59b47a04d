"""A study of so many trials from Python with the TPE, no work in them: tunesmith's package or a peer's.

    python tools/bench/python_tpe.py tunesmith 1000
    python tools/bench/python_tpe.py tunesmith-define 1000     # define-by-run, as optuna and rustuna are
    python tools/bench/python_tpe.py optuna 1000
    python tools/bench/python_tpe.py rustuna 1000
    python tools/bench/python_tpe.py tunesmith-floats 1000     # five real parameters; also with -define, and the peers
    python tools/bench/python_tpe.py import 5                  # a fresh interpreter's `import tunesmith`, median of 5

Space and objective are those of `ask_peers.py`, but for five real parameters. Prints one JSON object with the milliseconds of all trials together.
Needs the installed package (a release build), optuna 5.0.0 and rustuna 0.2.0.
"""

import json
import subprocess
import sys
import time

import ask_peers


FLOATS = [f"x{index}" for index in range(5)]


def bowl(values):
    return sum((value - 0.3) ** 2 for value in values)


def suggest_floats(trial):
    return [trial.suggest_float(name, 0.0, 1.0) for name in FLOATS]


def declared(is_real):
    import tunesmith

    if is_real:
        return {name: tunesmith.uniform(0.0, 1.0) for name in FLOATS}
    return {
        "learning_rate": tunesmith.loguniform(1e-6, 1e-3),
        "weight_decay": tunesmith.uniform(0.0, 0.3),
        "warmup_ratio": tunesmith.uniform(0.0, 0.2),
        "num_train_epochs": tunesmith.int_uniform(1, 10),
        "lr_scheduler_type": tunesmith.choice(ask_peers.SCHEDULES),
    }


def ours(is_real, is_defined):
    import tunesmith

    space = None if is_defined else declared(is_real)
    study = tunesmith.Study(space, metric="loss", goal="minimize", method="tpe")

    def run():
        trial = study.ask()
        if is_real:
            trial.complete(bowl(suggest_floats(trial) if is_defined else trial.params.values()))
        else:
            trial.complete(ask_peers.loss(ask_peers.suggest(trial) if is_defined else trial.params))

    return run


def peer(library, is_real):
    study, key = {"optuna": ask_peers.optuna_study, "rustuna": ask_peers.rustuna_study}[library]("tpe")

    def run():
        trial = study.ask()
        value = bowl(suggest_floats(trial)) if is_real else ask_peers.loss(ask_peers.suggest(trial))
        study.tell(key(trial), value)

    return run


def import_time(times):
    code = "import time; start = time.perf_counter(); import tunesmith; print(time.perf_counter() - start)"
    taken = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(times)]
    return sorted(taken)[len(taken) // 2] * 1e3


def main():
    case, trials = sys.argv[1], int(sys.argv[2])
    if case == "import":
        milliseconds = import_time(trials)
    else:
        library, *words = case.split("-")
        is_real = "floats" in words
        run = ours(is_real, "define" in words) if library == "tunesmith" else peer(library, is_real)
        start = time.perf_counter()
        for _ in range(trials):
            run()
        milliseconds = (time.perf_counter() - start) * 1e3
    print(json.dumps({"case": f"python/{case}", "trials": trials, "ms": round(milliseconds, 3)}))


if __name__ == "__main__":
    main()
