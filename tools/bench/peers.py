"""The searches of other tools, for `tunesmith bench --python PYTHON`.

It reads JSON lines on its standard input and answers on its standard output:

    {"begin": {"method": "optuna-tpe", "config": {...}}}   ->  {"ready": "optuna 5.0.0 TPESampler"}
    {"ask": 0}                                             ->  {"params": {"learning_rate": 2e-5}}
    {"tell": 0, "value": 0.81}                             no answer; null is a failed trial

`config` is a study's configuration as tunesmith's log keeps it. Every search runs with the defaults of its release;
only the seed is set, and the direction. Priors, ties and steps are not translated, because no task of the benchmark has them.
"""

import json
import logging
import math
import os
import sys
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
# What a package prints is no answer: answers go where standard output was, prints to standard error.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

# The search of AutoSampler changes here (optunahub, samplers/auto_sampler).
AUTO_GP_TRIALS = 250


class Space:
    """Parameters in an order in which each follows those that its condition names."""

    def __init__(self, parameters):
        self.parameters = []
        waiting = list(parameters)
        while waiting:
            known = {parameter["name"] for parameter in self.parameters}
            ready = [p for p in waiting if all(c["parameter"] in known for c in p.get("when", []))]
            if not ready:
                raise ValueError("conditions refer to parameters that do not exist")
            self.parameters += ready
            waiting = [parameter for parameter in waiting if parameter not in ready]

    @staticmethod
    def domain(parameter):
        """The kind of a domain and its fields."""
        return next(iter(parameter["rule"]["free"]["domain"].items()))

    @staticmethod
    def is_active(parameter, params):
        return all(params.get(c["parameter"]) in c["test"]["one_of"] for c in parameter.get("when", []))

    def is_conditional(self):
        return any(parameter.get("when") for parameter in self.parameters)

    def has_categorical(self):
        return any(self.domain(parameter)[0] == "categorical" for parameter in self.parameters)


class DefineByRun:
    """Optuna's and rustuna's way: a trial is asked for, and then each of its parameters."""

    def __init__(self, space, study, failed):
        self.space, self.study, self.failed = space, study, failed
        self.trials = {}

    def suggest(self, trial, parameter):
        name = parameter["name"]
        kind, domain = self.space.domain(parameter)
        if kind == "categorical":
            return trial.suggest_categorical(name, domain["choices"])
        log = domain["scale"] == "log"
        if kind == "int":
            return trial.suggest_int(name, domain["low"], domain["high"], log=log)
        return trial.suggest_float(name, domain["low"], domain["high"], log=log)

    def ask(self, number):
        trial = self.study.ask()
        self.trials[number] = trial
        params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                params[parameter["name"]] = self.suggest(trial, parameter)
        return params

    def tell(self, number, value):
        trial = self.trials.pop(number)
        if value is None:
            self.study.tell(trial.number, state=self.failed)
        else:
            self.study.tell(trial.number, value)


class Optuna(DefineByRun):
    def __init__(self, method, space, goal, seed):
        import optuna

        self.optuna, self.seed = optuna, seed
        self.auto = method == "optuna-auto"
        by_tpe = method == "optuna-tpe" or (self.auto and (space.is_conditional() or space.has_categorical()))
        self.switches = self.auto and not by_tpe
        samplers = optuna.samplers
        by = samplers.CmaEsSampler if method == "optuna-cmaes" else samplers.GPSampler
        sampler = samplers.TPESampler(seed=seed) if by_tpe else by(seed=seed)
        study = optuna.create_study(sampler=sampler, direction=goal)
        super().__init__(space, study, optuna.trial.TrialState.FAIL)
        name = "AutoSampler's rule" if self.auto else type(sampler).__name__
        self.version = f"optuna {optuna.__version__} {name}"

    def ask(self, number):
        states = (self.optuna.trial.TrialState.COMPLETE,)
        if self.switches and len(self.study.get_trials(deepcopy=False, states=states)) >= AUTO_GP_TRIALS:
            done = self.study.get_trials(states=states)
            self.study.sampler = self.optuna.samplers.CmaEsSampler(seed=self.seed, source_trials=done)
            self.switches = False
        return super().ask(number)


class Rustuna(DefineByRun):
    def __init__(self, space, goal, seed):
        from importlib.metadata import version

        import rustuna

        sampler = rustuna.samplers.TPESampler(seed=seed)
        study = rustuna.create_study(sampler=sampler, direction=goal)
        super().__init__(space, study, rustuna.trial.TrialState.FAIL)
        self.version = f"rustuna {version('rustuna')} TPESampler"


class Hyperopt:
    def __init__(self, space, goal, seed):
        import hyperopt
        import numpy

        self.hyperopt, self.space, self.sign = hyperopt, space, -1.0 if goal == "maximize" else 1.0
        self.root = self.tree()
        self.domain = hyperopt.Domain(lambda params: None, self.root)
        self.trials = hyperopt.Trials()
        self.rng = numpy.random.default_rng(seed)
        self.documents = {}
        self.version = f"hyperopt {hyperopt.__version__} tpe"

    def node(self, parameter):
        hp = self.hyperopt.hp
        name = parameter["name"]
        kind, domain = self.space.domain(parameter)
        if kind == "categorical":
            return hp.choice(name, [self.branch(name, choice) for choice in domain["choices"]])
        low, high, log = domain["low"], domain["high"], domain["scale"] == "log"
        if kind == "int":
            # Half a step beyond each bound, so that the bounds are as likely as the others; quantised to 1.
            if log:
                return hp.qloguniform(name, math.log(low - 0.499), math.log(high + 0.499), 1)
            return hp.uniformint(name, low, high)
        return hp.loguniform(name, math.log(low), math.log(high)) if log else hp.uniform(name, low, high)

    def branch(self, name, choice):
        """A choice, with the parameters that exist only for it. One that several choices have is one node."""
        branch = {"choice": choice}
        for child in self.space.parameters:
            conditions = child.get("when", [])
            if len(conditions) > 1:
                raise ValueError("hyperopt's trees are not built for more than one condition")
            if conditions and conditions[0]["parameter"] == name and choice in conditions[0]["test"]["one_of"]:
                if child["name"] not in self.children:
                    self.children[child["name"]] = self.node(child)
                branch[child["name"]] = self.children[child["name"]]
        return branch

    def tree(self):
        self.children = {}
        return {p["name"]: self.node(p) for p in self.space.parameters if not p.get("when")}

    def flat(self, values):
        """Choices and branches as params; whole numbers as such."""
        params = {}
        for name, value in values.items():
            if isinstance(value, dict):
                params[name] = value["choice"]
                params.update(self.flat({key: inner for key, inner in value.items() if key != "choice"}))
            else:
                params[name] = value
        return params

    def ask(self, number):
        hyperopt = self.hyperopt
        (trial_id,) = self.trials.new_trial_ids(1)
        self.trials.refresh()
        (document,) = hyperopt.tpe.suggest([trial_id], self.domain, self.trials, int(self.rng.integers(2**31 - 1)))
        document["state"] = hyperopt.JOB_STATE_RUNNING
        self.trials.insert_trial_docs([document])
        self.trials.refresh()
        self.documents[number] = trial_id
        point = {name: value[0] for name, value in document["misc"]["vals"].items() if value}
        params = self.flat(hyperopt.space_eval(self.root, point))
        for parameter in self.space.parameters:
            name, (kind, domain) = parameter["name"], self.space.domain(parameter)
            if name in params and kind == "int":
                params[name] = min(max(int(round(params[name])), domain["low"]), domain["high"])
            elif name in params and kind == "float":
                params[name] = min(max(float(params[name]), domain["low"]), domain["high"])
        return params

    def tell(self, number, value):
        trial_id = self.documents.pop(number)
        document = next(d for d in self.trials._dynamic_trials if d["tid"] == trial_id)
        document["state"] = self.hyperopt.JOB_STATE_DONE
        if value is None:
            document["result"] = {"status": self.hyperopt.STATUS_FAIL}
        else:
            document["result"] = {"status": self.hyperopt.STATUS_OK, "loss": self.sign * value}
        self.trials.refresh()


class CatCmawm:
    """CatCMAwM of the package cmaes, told generation by generation."""

    def __init__(self, space, goal, seed):
        from importlib.metadata import version

        import cmaes
        import numpy

        self.numpy, self.space, self.sign = numpy, space, -1.0 if goal == "maximize" else 1.0
        self.reals, self.lattices, self.choices = [], [], []
        for parameter in space.parameters:
            name, (kind, domain) = parameter["name"], space.domain(parameter)
            if kind == "categorical" and not domain.get("ordered"):
                self.choices.append((name, domain["choices"]))
            elif kind == "categorical":
                self.lattices.append((name, domain["choices"], numpy.linspace(0.0, 1.0, len(domain["choices"]))))
            elif kind == "int":
                values = list(range(domain["low"], domain["high"] + 1))
                self.lattices.append((name, values, self.unit(numpy.array(values, dtype=float), domain)))
            else:
                self.reals.append((name, domain))
        self.search = cmaes.CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self.reals) or None,
            z_space=[list(positions) for _, _, positions in self.lattices] or None,
            c_space=[len(choices) for _, choices in self.choices] or None,
            seed=seed,
        )
        self.drawn, self.told = {}, []
        self.version = f"cmaes {version('cmaes')} CatCMAwM"

    def unit(self, values, domain):
        low, high = float(domain["low"]), float(domain["high"])
        if domain["scale"] == "log":
            values, low, high = self.numpy.log(values), math.log(low), math.log(high)
        return (values - low) / (high - low)

    def real(self, position, domain):
        low, high, log = domain["low"], domain["high"], domain["scale"] == "log"
        if log:
            low, high = math.log(low), math.log(high)
        at = low + position * (high - low)
        return min(max(math.exp(at) if log else at, domain["low"]), domain["high"])

    def ask(self, number):
        drawn = self.search.ask()
        self.drawn[number] = drawn
        every = {}
        for index, (name, domain) in enumerate(self.reals):
            every[name] = self.real(float(drawn.x[index]), domain)
        for index, (name, values, positions) in enumerate(self.lattices):
            every[name] = values[int(self.numpy.argmin(abs(positions - drawn.z[index])))]
        for index, (name, choices) in enumerate(self.choices):
            every[name] = choices[int(self.numpy.argmax(drawn.c[index]))]
        params = {}
        for parameter in self.space.parameters:
            if self.space.is_active(parameter, params):
                params[parameter["name"]] = every[parameter["name"]]
        return params

    def tell(self, number, value):
        loss = math.inf if value is None else self.sign * value
        self.told.append((self.drawn.pop(number), loss))
        if len(self.told) == self.search.population_size:
            self.search.tell(self.told)
            self.told = []


def begin(method, config):
    space = Space(config["space"])
    goal = config["metrics"][0]["goal"]
    seed = config["seed"]
    if method.startswith("optuna"):
        return Optuna(method, space, goal, seed)
    if method == "rustuna-tpe":
        return Rustuna(space, goal, seed)
    if method == "hyperopt":
        return Hyperopt(space, goal, seed)
    if method == "catcmawm":
        return CatCmawm(space, goal, seed)
    raise ValueError(f"there is no method {method} here")


def answer(message):
    ANSWERS.write(json.dumps(message) + "\n")
    ANSWERS.flush()


def main():
    search = None
    for text in sys.stdin:
        message = json.loads(text)
        if "begin" in message:
            search = begin(message["begin"]["method"], message["begin"]["config"])
            answer({"ready": search.version})
        elif "ask" in message:
            answer({"params": search.ask(message["ask"])})
        else:
            search.tell(message["tell"], message["value"])


if __name__ == "__main__":
    main()
