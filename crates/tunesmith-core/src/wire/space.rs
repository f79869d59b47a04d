//! Search spaces as JSON. Infinite bounds are null; expressions are kept as their text.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::{single, values};
use crate::space::{
    Clause, Condition, Domain, Expression, Parameter, Prior, Rule, Scale, SearchSpace, Step, Test,
};
use crate::value::Value;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Parameter", deny_unknown_fields)]
pub(super) struct ParameterJson {
    name: String,
    #[serde(with = "RuleJson")]
    rule: Rule,
    #[serde(rename = "when", default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "condition")]
    condition: Option<Condition>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rule", rename_all = "snake_case", deny_unknown_fields)]
enum RuleJson {
    Free {
        #[serde(with = "DomainJson")]
        domain: Domain,
        #[serde(with = "PriorJson")]
        prior: Prior,
    },
    Tied(#[serde(with = "expression")] Expression),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Domain", rename_all = "snake_case", deny_unknown_fields)]
enum DomainJson {
    Float {
        #[serde(with = "lower_bound")]
        low: f64,
        #[serde(with = "upper_bound")]
        high: f64,
        #[serde(with = "ScaleJson")]
        scale: Scale,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "step")]
        step: Option<Step>,
    },
    Int {
        low: i64,
        high: i64,
        #[serde(with = "ScaleJson")]
        scale: Scale,
        step: i64,
    },
    Categorical {
        #[serde(with = "values")]
        choices: Vec<Value>,
        ordered: bool,
    },
    Fixed(#[serde(with = "single")] Value),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Scale", rename_all = "snake_case")]
enum ScaleJson {
    Linear,
    Log,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Step", rename_all = "snake_case")]
enum StepJson {
    FromLow(f64),
    Multiple(f64),
    WholeMultiple(i64),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Prior", rename_all = "snake_case", deny_unknown_fields)]
enum PriorJson {
    Uniform,
    Normal { mu: f64, sigma: f64 },
    LogNormal { mu: f64, sigma: f64 },
    Beta { a: f64, b: f64 },
    Weights(Vec<f64>),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Clause", deny_unknown_fields)]
struct ClauseJson {
    parameter: String,
    #[serde(with = "TestJson")]
    test: Test,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Test", rename_all = "snake_case")]
enum TestJson {
    OneOf(#[serde(with = "values")] Vec<Value>),
    NoneOf(#[serde(with = "values")] Vec<Value>),
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
}

/// A list of parameters, for the field of a [`SearchSpace`]; checked when it is read.
pub(super) mod parameters {
    use super::{
        Deserialize, Deserializer, Error, Parameter, ParameterJson, SearchSpace, Serialize,
        Serializer,
    };

    #[derive(Serialize, Deserialize)]
    struct Element(#[serde(with = "ParameterJson")] Parameter);

    pub(crate) fn serialize<S: Serializer>(space: &SearchSpace, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(space.parameters().iter().cloned().map(Element))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<SearchSpace, D::Error> {
        let elements = Vec::<Element>::deserialize(json)?;
        let parameters = elements.into_iter().map(|element| element.0).collect();
        SearchSpace::new(parameters).map_err(D::Error::custom)
    }
}

/// The clauses of a condition.
mod condition {
    use super::{Clause, ClauseJson, Condition, Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Element(#[serde(with = "ClauseJson")] Clause);

    #[expect(clippy::ref_option, reason = "serde passes the field as it is")]
    pub(crate) fn serialize<S: Serializer>(
        condition: &Option<Condition>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        let clauses = condition.iter().flat_map(|condition| &condition.clauses);
        out.collect_seq(clauses.cloned().map(Element))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Option<Condition>, D::Error> {
        let clauses = Vec::<Element>::deserialize(json)?;
        Ok(Some(Condition { clauses: clauses.into_iter().map(|element| element.0).collect() }))
    }
}

/// A step, where there is one.
mod step {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Step, StepJson};

    #[derive(Serialize, Deserialize)]
    struct Element(#[serde(with = "StepJson")] Step);

    #[expect(clippy::ref_option, reason = "serde passes the field as it is")]
    pub(crate) fn serialize<S: Serializer>(step: &Option<Step>, out: S) -> Result<S::Ok, S::Error> {
        step.map(Element).serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Option<Step>, D::Error> {
        Ok(Option::<Element>::deserialize(json)?.map(|element| element.0))
    }
}

/// The text of an expression, parsed when it is read.
mod expression {
    use super::{Deserialize, Deserializer, Error, Expression, Serializer};

    pub(crate) fn serialize<S: Serializer>(tied: &Expression, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(tied.source())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Expression, D::Error> {
        Expression::parse(&String::deserialize(json)?).map_err(D::Error::custom)
    }
}

/// A bound that is null where it is minus infinity.
mod lower_bound {
    use super::{Deserialize, Deserializer};

    pub(crate) use super::upper_bound::serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(json)?.unwrap_or(f64::NEG_INFINITY))
    }
}

/// A bound that is null where it is infinite.
mod upper_bound {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(bound: &f64, out: S) -> Result<S::Ok, S::Error> {
        bound.is_finite().then_some(*bound).serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(json)?.unwrap_or(f64::INFINITY))
    }
}
