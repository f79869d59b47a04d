//! The distributions of W&B's sweep schema as keys of a parameter: which keys each needs and may
//! have. What they mean is the core's. It refuses keys that a distribution does not have, so that
//! none is ignored.

use tunesmith_core::{Bound, Distribution, Domain, Prior};

use super::parameters;
use super::problem::{Problem, ProblemKind};
use super::yaml::{Kind, Node, Span};

/// The keys of one distribution.
pub(super) struct Form {
    /// W&B's name.
    pub name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    read: fn(&Reader<'_>) -> Option<Distribution>,
    /// Whether `min` and `max` are natural logarithms, which W&B has deprecated.
    pub exponents: bool,
}

const fn form(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    read: fn(&Reader<'_>) -> Option<Distribution>,
) -> Form {
    Form { name, required, optional, read, exponents: false }
}

const fn exponents(mut of: Form) -> Form {
    of.exponents = true;
    of
}

const ENDS: &[&str] = &["min", "max"];
const NORMAL: &[&str] = &["mu", "sigma"];

static FORMS: &[Form] = &[
    form("constant", &["value"], &[], |r| {
        Some(Distribution::Constant { value: r.value("value")? })
    }),
    form("categorical", &["values"], &["probabilities", "prior"], choice),
    form("categorical_w_probabilities", &["values", "probabilities"], &[], choice),
    form("int_uniform", ENDS, &["prior"], |r| {
        Some(Distribution::IntUniform { min: r.whole("min")?, max: r.whole("max")? })
    }),
    form("uniform", ENDS, &["prior"], |r| {
        Some(Distribution::Uniform { min: r.number("min")?, max: r.number("max")? })
    }),
    form("q_uniform", ENDS, &["q", "prior"], |r| {
        Some(Distribution::QUniform { min: r.number("min")?, max: r.number("max")?, q: r.q() })
    }),
    form("log_uniform_values", ENDS, &["prior"], |r| {
        Some(Distribution::LogUniformValues { min: r.number("min")?, max: r.number("max")? })
    }),
    form("inv_log_uniform_values", ENDS, &["prior"], |r| {
        Some(Distribution::InvLogUniformValues { min: r.number("min")?, max: r.number("max")? })
    }),
    form("q_log_uniform_values", ENDS, &["q", "prior"], |r| {
        Some(Distribution::QLogUniformValues {
            min: r.number("min")?,
            max: r.number("max")?,
            q: r.q(),
        })
    }),
    form("normal", &[], NORMAL, |r| {
        Some(Distribution::Normal { mu: r.or("mu", 0.0), sigma: r.or("sigma", 1.0) })
    }),
    form("q_normal", &[], &["mu", "sigma", "q"], |r| {
        Some(Distribution::QNormal { mu: r.or("mu", 0.0), sigma: r.or("sigma", 1.0), q: r.q() })
    }),
    form("log_normal", &[], NORMAL, |r| {
        Some(Distribution::LogNormal { mu: r.or("mu", 0.0), sigma: r.or("sigma", 1.0) })
    }),
    form("q_log_normal", &[], &["mu", "sigma", "q"], |r| {
        Some(Distribution::QLogNormal { mu: r.or("mu", 0.0), sigma: r.or("sigma", 1.0), q: r.q() })
    }),
    form("beta", &[], &["a", "b"], |r| {
        Some(Distribution::Beta { a: r.or("a", 1.0), b: r.or("b", 1.0) })
    }),
    form("q_beta", &[], &["a", "b", "q"], |r| {
        Some(Distribution::QBeta { a: r.or("a", 1.0), b: r.or("b", 1.0), q: r.q() })
    }),
    exponents(form("log_uniform", ENDS, &[], |r| {
        Some(Distribution::LogUniform { min: r.number("min")?, max: r.number("max")? })
    })),
    exponents(form("inv_log_uniform", ENDS, &[], |r| {
        Some(Distribution::InvLogUniform { min: r.number("min")?, max: r.number("max")? })
    })),
    exponents(form("q_log_uniform", ENDS, &["q"], |r| {
        Some(Distribution::QLogUniform { min: r.number("min")?, max: r.number("max")?, q: r.q() })
    })),
];

/// Keys of a parameter that go with every distribution.
const GENERAL: [&str; 2] = ["distribution", "when"];

/// The names of all distributions.
pub(super) fn names() -> Vec<&'static str> {
    FORMS.iter().map(|form| form.name).collect()
}

/// The form of a checked parameter: the one it names, or what W&B infers from its keys.
pub(super) fn of(node: &Node) -> Option<&'static Form> {
    let has = |key: &str| node.get(key).is_some();
    let whole = |key: &str| node.get(key).is_some_and(|value| matches!(value.kind, Kind::Int(_)));
    let name = match node.get("distribution") {
        Some(name) => name.text()?,
        None if has("value") => "constant",
        None if has("values") => "categorical",
        None if whole("min") && whole("max") => "int_uniform",
        None if has("min") || has("max") => "uniform",
        None => return None,
    };
    FORMS.iter().find(|form| form.name == name)
}

impl Form {
    /// The domain and prior of a checked parameter. Notes what is missing, what does not belong
    /// and what is impossible; `span` is where the parameter's name stands.
    pub(super) fn read(
        &self,
        span: &Span,
        node: &Node,
        problems: &mut Vec<Problem>,
    ) -> Option<(Domain, Prior)> {
        let before = problems.len();
        self.check_keys(span, node, problems);
        parameters::check_values(node, problems);
        if problems.len() > before {
            return None;
        }
        let distribution = (self.read)(&Reader { node })?;
        let resolved = distribution.resolve().map_err(|error| error.to_string()).and_then(
            |(domain, prior)| {
                let prior = own_prior(node, &domain).unwrap_or(prior);
                prior.validate(&domain).map_err(|error| error.to_string())?;
                Ok((domain, prior))
            },
        );
        match resolved {
            Ok(pair) => Some(pair),
            Err(message) => {
                problems.push(Problem::new(span.clone(), ProblemKind::Space { message }));
                None
            }
        }
    }

    fn check_keys(&self, span: &Span, node: &Node, problems: &mut Vec<Problem>) {
        let known = || self.required.iter().chain(self.optional).copied();
        for entry in node.entries() {
            let key = entry.key.as_str();
            if !GENERAL.contains(&key) && !known().any(|name| name == key) {
                let kind = ProblemKind::NotOfDistribution {
                    key: key.to_owned(),
                    distribution: self.name,
                    known: known().map(str::to_owned).collect(),
                };
                problems.push(Problem::new(entry.key_span.clone(), kind));
            }
        }
        if let (Some(_), Some(prior)) = (node.get("probabilities"), node.get("prior")) {
            let kind = ProblemKind::Both { first: "probabilities", second: "prior" };
            problems.push(Problem::new(prior.span.clone(), kind));
        }
        for key in self.required.iter().filter(|key| node.get(key).is_none()) {
            let kind = ProblemKind::LacksOfDistribution { key, distribution: self.name };
            problems.push(Problem::new(span.clone(), kind));
        }
        if self.name == "int_uniform" {
            let fractions = ENDS.iter().filter_map(|key| Some((key, node.get(key)?)));
            for (key, end) in fractions.filter(|(_, end)| !matches!(end.kind, Kind::Int(_))) {
                problems.push(wrong_end(key, end));
            }
        }
    }
}

fn wrong_end(key: &str, end: &Node) -> Problem {
    let kind = ProblemKind::WrongKind {
        key: key.to_owned(),
        expected: "a whole number".to_owned(),
        found: end.kind_name(),
    };
    Problem::new(end.span.clone(), kind)
}

/// Reads the keys of a parameter whose form has been checked.
struct Reader<'a> {
    node: &'a Node,
}

impl Reader<'_> {
    fn number(&self, key: &str) -> Option<f64> {
        self.node.get(key)?.number()
    }

    fn or(&self, key: &str, default: f64) -> f64 {
        self.number(key).unwrap_or(default)
    }

    fn whole(&self, key: &str) -> Option<i64> {
        match self.node.get(key)?.kind {
            Kind::Int(whole) => Some(whole),
            _ => None,
        }
    }

    /// W&B takes 1 where `q` is left out.
    fn q(&self) -> Bound {
        match self.node.get("q").map(|node| &node.kind) {
            Some(Kind::Float(q)) => Bound::Real(*q),
            Some(Kind::Int(q)) => Bound::Whole(*q),
            _ => Bound::Whole(1),
        }
    }

    fn value(&self, key: &str) -> Option<tunesmith_core::Value> {
        parameters::value(self.node.get(key)?)
    }
}

fn choice(reader: &Reader<'_>) -> Option<Distribution> {
    let node = reader.node;
    let values = node.get("values")?.elements().iter().filter_map(parameters::value).collect();
    Some(match node.get("probabilities") {
        None => Distribution::Categorical { values },
        Some(given) => {
            let probabilities = given.elements().iter().filter_map(Node::number).collect();
            Distribution::CategoricalWithProbabilities { values, probabilities }
        }
    })
}

/// The prior over `domain` that `prior` describes, but for `known`, which takes the whole space to find.
fn own_prior(node: &Node, domain: &Domain) -> Option<Prior> {
    let node = node.get("prior")?;
    let reader = Reader { node };
    let (mu, sigma) = (reader.or("mu", 0.0), reader.or("sigma", 1.0));
    let word = node.text().or_else(|| node.get("distribution")?.text())?;
    match word {
        "normal" => Some(Prior::Normal { mu, sigma }),
        "log_normal" => Some(Prior::LogNormal { mu, sigma }),
        "beta" => Some(Prior::Beta { a: reader.or("a", 1.0), b: reader.or("b", 1.0) }),
        "uniform" => Some(tunesmith_search::flat_prior(domain)),
        _ => None,
    }
}
