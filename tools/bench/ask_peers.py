"""The peers' side of `crates/tunesmith-search/benches/ask.rs`: one ask and one tell after so many finished trials.

    python tools/bench/ask_peers.py optuna-tpe 1000 optuna-tpe 10000 rustuna-tpe 1000 optuna-gp 100

Same space, history and objective as there. Prints one JSON object a case: the median and the least of the
repetitions in milliseconds, and the mean of the processors' time, all threads together (OMP_NUM_THREADS=1 keeps torch
to one). Needs optuna 5.0.0 and rustuna 0.2.0, and for optuna-gp PyTorch and SciPy.
"""

import json
import math
import sys
import time

REPETITIONS = 20
RATIO = 1.1673039782614187
SCHEDULES = ["linear", "cosine", "constant"]


def params(number):
    alpha, at = 1.0, []
    for _ in range(5):
        alpha /= RATIO
        at.append((0.5 + alpha * (number + 1)) % 1.0)
    return {
        "learning_rate": 1e-6 * 1e3 ** at[0],
        "weight_decay": 0.3 * at[1],
        "warmup_ratio": 0.2 * at[2],
        "num_train_epochs": 1 + int(10 * at[3]),
        "lr_scheduler_type": SCHEDULES[int(3 * at[4])],
    }


def loss(found):
    rate = math.log(found["learning_rate"] / 2e-5)
    decay = 10 * (found["weight_decay"] - 0.1)
    warmup = 10 * (found["warmup_ratio"] - 0.06)
    epochs = 0.3 * (found["num_train_epochs"] - 3)
    return rate**2 + decay**2 + warmup**2 + epochs**2 + 0.5 * (found["lr_scheduler_type"] == "constant")


def suggest(trial):
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-6, 1e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 0.0, 0.3),
        "warmup_ratio": trial.suggest_float("warmup_ratio", 0.0, 0.2),
        "num_train_epochs": trial.suggest_int("num_train_epochs", 1, 10),
        "lr_scheduler_type": trial.suggest_categorical("lr_scheduler_type", SCHEDULES),
    }


def optuna_study(name):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}
    return optuna.create_study(sampler=samplers[name](seed=0)), lambda trial: trial


def rustuna_study(name):
    import rustuna

    samplers = {"tpe": rustuna.samplers.TPESampler}
    return rustuna.create_study(sampler=samplers[name](seed=0)), lambda trial: trial.number


def run(study, key):
    trial = study.ask()
    study.tell(key(trial), loss(suggest(trial)))


def measure(case, trials):
    peer, sampler = case.split("-")
    study, key = {"optuna": optuna_study, "rustuna": rustuna_study}[peer](sampler)
    for number in range(trials):
        study.enqueue_trial(params(number))
        run(study, key)
    times = []
    busy = time.process_time()
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        run(study, key)
        times.append((time.perf_counter() - start) * 1e3)
    busy = time.process_time() - busy
    times.sort()
    figures = {
        "ms": round(times[len(times) // 2], 4),
        "least_ms": round(times[0], 4),
        "processor_ms": round(busy / REPETITIONS * 1e3, 4),
    }
    print(json.dumps({"case": f"peers/{case}", "trials": trials, **figures}), flush=True)


def main():
    words = sys.argv[1:]
    for case, trials in zip(words[::2], words[1::2], strict=True):
        measure(case, int(trials))


if __name__ == "__main__":
    main()
