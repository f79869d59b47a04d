"""The peer's side of `crates/tunesmith-store/benches/storage.rs`: optuna's trials a second in one storage.

    python tools/bench/storage_peer.py sqlite:////tmp/o.db 1 200 10
    python tools/bench/storage_peer.py postgresql+psycopg2://user@/db?host=/socket 16 20 10

ADDRESS AGENTS TRIALS (of each agent) REPORTS (of each trial): same space, random sampler, nothing trained. Every agent
is a process that has loaded the study before the clock starts. Prints one JSON object. Needs optuna 5.0.0, and psycopg2
for PostgreSQL.
"""

import json
import subprocess
import sys
import time

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(reports):
    def run(trial):
        trial.suggest_float("learning_rate", 1e-6, 1e-3, log=True)
        trial.suggest_float("weight_decay", 0, 0.3)
        trial.suggest_float("warmup_ratio", 0, 0.3)
        trial.suggest_int("num_train_epochs", 1, 5)
        trial.suggest_categorical("per_device_train_batch_size", [8, 16, 32])
        for step in range(1, reports + 1):
            trial.report(1 / step, step)
        return 0.5

    return run


def agent(address, name, trials, reports):
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name=name, storage=address, sampler=sampler)
    print("ready", flush=True)
    sys.stdin.readline()
    study.optimize(objective(reports), n_trials=trials)


def main(address, agents, trials, reports):
    name = f"storage-{time.time()}"
    study = optuna.create_study(study_name=name, storage=address)
    arguments = [sys.executable, __file__, address, str(agents), str(trials), str(reports), name]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) for _ in range(agents)]
    for process in running:
        process.stdout.readline()
    start = time.perf_counter()
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    failed = [process.wait() for process in running]
    seconds = time.perf_counter() - start
    done = len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE]))
    if any(failed) or done != agents * trials:
        sys.exit(f"{done} of {agents * trials} trials were completed")
    figures = {"agents": agents, "trials": done, "reports": reports, "seconds": seconds}
    print(json.dumps({**figures, "trials_per_s": done / seconds}))


if __name__ == "__main__":
    address, (agents, trials, reports) = sys.argv[1], map(int, sys.argv[2:5])
    if len(sys.argv) > 5:
        agent(address, sys.argv[5], trials, reports)
    else:
        main(address, agents, trials, reports)
