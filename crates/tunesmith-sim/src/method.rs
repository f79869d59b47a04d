//! The methods of a benchmark, as they are written: a sampler, and after a `+` perhaps a scheduler, each of them as
//! `name` or `name:option=value:option=value`.
//!
//! Refuses to know which samplers and schedulers there are: the policy's maker does. Foreign methods are known by
//! name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tunesmith_core::{Component, Domain, Parameter, Params, SearchSpace, Value, wire};

/// The searches of other tools, which run in a process of their own.
pub const PEERS: [&str; 7] = [
    "optuna-tpe",
    "optuna-gp",
    "optuna-auto",
    "optuna-cmaes",
    "catcmawm",
    "rustuna-tpe",
    "hyperopt",
];

/// How many trials AutoSampler's rule leaves to the Gaussian process before CMA-ES takes over.
const AUTO_GP_TRIALS: u32 = 250;

/// A method of search.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// As it was written.
    pub label: String,
    /// The sampler with its options; of a peer, its name alone.
    pub component: Component,
    /// The scheduler with its options; every trial runs to its end where none is named.
    pub scheduler: Option<Component>,
}

/// Why a text is no method.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MethodError {
    /// No name.
    #[error(
        "`{text}` names no method; write one as `tpe`, `random:prior=known` or `random+asha:eta=4`"
    )]
    NoName {
        /// The text.
        text: String,
    },
    /// An option without a value.
    #[error("`{option}` in `{text}` is no option; write it as `name=value`")]
    NoValue {
        /// The option.
        option: String,
        /// The text.
        text: String,
    },
    /// Options of a peer.
    #[error("{name} runs as its authors ship it and takes no options; leave them out")]
    PeerOptions {
        /// The peer.
        name: String,
    },
    /// A peer's proposals under a scheduler of ours: it could not be told of trials that stopped early.
    #[error(
        "{name} runs as its authors ship it, without a scheduler; leave out what follows the `+`"
    )]
    PeerScheduler {
        /// The peer.
        name: String,
    },
}

impl Method {
    /// Whether it runs in a process of its own.
    pub fn is_peer(&self) -> bool {
        PEERS.contains(&self.component.name.as_str())
    }

    /// The peer whose studies of that budget are this one's, trial by trial: AutoSampler's rule hands a space with a
    /// choice or a condition to TPE, and others to the Gaussian process for the first 250 trials.
    pub(crate) fn twin(&self, space: &SearchSpace, trials: u32) -> Option<&'static str> {
        if self.component.name != "optuna-auto" {
            return None;
        }
        let is_choice =
            |parameter: &Parameter| matches!(parameter.domain(), Some(Domain::Categorical { .. }));
        if space.is_conditional() || space.parameters().iter().any(is_choice) {
            return Some("optuna-tpe");
        }
        (trials <= AUTO_GP_TRIALS).then_some("optuna-gp")
    }
}

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, MethodError> {
        let (sampler, scheduler) = halves(text);
        let scheduler = scheduler.map(|scheduler| component(scheduler, text)).transpose()?;
        let method =
            Self { label: text.to_owned(), component: component(sampler, text)?, scheduler };
        let name = || method.component.name.clone();
        if method.is_peer() && !method.component.options.is_empty() {
            return Err(MethodError::PeerOptions { name: name() });
        }
        if method.is_peer() && method.scheduler.is_some() {
            return Err(MethodError::PeerScheduler { name: name() });
        }
        Ok(method)
    }
}

/// What is before and after the first `+` that is not of a number such as `1e+3`.
fn halves(text: &str) -> (&str, Option<&str>) {
    let is_number = |at: usize| text[at + 1..].starts_with(|next: char| next.is_ascii_digit());
    let plus = text.match_indices('+').map(|(at, _)| at).find(|at| !is_number(*at));
    plus.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])))
}

/// A name with options. `whole` is what the text is a part of.
fn component(text: &str, whole: &str) -> Result<Component, MethodError> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        return Err(MethodError::NoName { text: whole.to_owned() });
    }
    let mut options = Params::new();
    for option in parts {
        let Some((key, value)) = option.split_once('=') else {
            let (option, text) = (option.to_owned(), whole.to_owned());
            return Err(MethodError::NoValue { option, text });
        };
        let value = wire::value_from_json(value).unwrap_or_else(|_| Value::from(value));
        options.insert(key, value);
    }
    Ok(Component { name, options })
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_the_types_that_they_look_like() {
        let method: Method =
            "tpe:candidates=24:gamma=0.1:group=true:prior=known".parse().expect("a method");
        let expected = Params::from([
            ("candidates", Value::Int(24)),
            ("gamma", Value::Float(0.1)),
            ("group", Value::Bool(true)),
            ("prior", Value::from("known")),
        ]);
        assert_eq!((method.component.name.as_str(), method.component.options), ("tpe", expected));
    }

    #[test]
    fn the_rule_of_autosampler_is_another_peer_up_to_250_trials() {
        let auto: Method = "optuna-auto".parse().expect("a method");
        let rate = Parameter::new("rate", Domain::log_float(1e-6, 1e-3));
        let word = Parameter::new("word", Domain::categorical(["a", "b"]));
        let numbers = crate::legal(vec![rate.clone()]);
        let mixed = crate::legal(vec![rate, word]);
        assert_eq!(auto.twin(&numbers, 250), Some("optuna-gp"));
        assert_eq!(auto.twin(&numbers, 251), None);
        assert_eq!(auto.twin(&mixed, 1_000), Some("optuna-tpe"));
        let tpe: Method = "optuna-tpe".parse().expect("a method");
        assert_eq!(tpe.twin(&numbers, 64), None);
    }

    #[test]
    fn a_scheduler_follows_a_plus_that_belongs_to_no_number() {
        let method: Method = "gp:n_startup=5:x=1e+3+asha:eta=4".parse().expect("a method");
        let sampler = Params::from([("n_startup", Value::Int(5)), ("x", Value::Float(1e3))]);
        assert_eq!(method.component, Component { name: "gp".to_owned(), options: sampler });
        let options = Params::from([("eta", Value::Int(4))]);
        assert_eq!(method.scheduler, Some(Component { name: "asha".to_owned(), options }));
        assert_eq!(method.label, "gp:n_startup=5:x=1e+3+asha:eta=4");
        assert_eq!("random".parse::<Method>().expect("a method").scheduler, None);
    }

    #[test]
    fn what_is_no_method_says_what_to_write() {
        for (text, hint) in [
            ("", "random:prior=known"),
            ("random+", "random+asha:eta=4"),
            ("+asha", "random+asha:eta=4"),
            ("tpe:24", "name=value"),
            ("random+asha:eta", "name=value"),
            ("hyperopt:a=1", "no options"),
            ("hyperopt+asha", "without a scheduler"),
        ] {
            let error = text.parse::<Method>().expect_err(text);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
