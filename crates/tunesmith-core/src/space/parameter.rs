//! One named parameter: where its value comes from and when it exists.
//!
//! Refuses to resolve what it refers to: that takes the whole [`SearchSpace`](crate::SearchSpace).

use super::SpaceError;
use super::condition::Condition;
use super::domain::Domain;
use super::expression::Expression;
use super::prior::Prior;
use crate::value::Value;

/// One named parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name: a letter or `_`, then letters, digits and `_ . -` (W&B's rule).
    pub name: String,
    /// Where its value comes from.
    pub rule: Rule,
    /// When it exists. An inactive parameter is absent from [`Params`](crate::Params).
    pub condition: Option<Condition>,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// From the sampler.
    Free {
        /// The legal values.
        domain: Domain,
        /// How likely they are.
        prior: Prior,
    },
    /// From other parameters. Absent where one of them is.
    Tied(Expression),
}

impl Parameter {
    /// A free parameter with a uniform prior.
    pub fn new(name: &str, domain: Domain) -> Self {
        Self {
            name: name.to_owned(),
            rule: Rule::Free { domain, prior: Prior::Uniform },
            condition: None,
        }
    }

    /// A parameter tied to others.
    pub fn tied(name: &str, expression: Expression) -> Self {
        Self { name: name.to_owned(), rule: Rule::Tied(expression), condition: None }
    }

    /// The same with this prior. No change to a tied one.
    #[must_use]
    pub fn with_prior(mut self, new: Prior) -> Self {
        if let Rule::Free { prior, .. } = &mut self.rule {
            *prior = new;
        }
        self
    }

    /// The same with this condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// The domain of a free parameter.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.rule {
            Rule::Free { domain, .. } => Some(domain),
            Rule::Tied(_) => None,
        }
    }

    /// Whether a sampler has anything to choose: free and not fixed.
    pub fn is_searched(&self) -> bool {
        self.domain().is_some_and(|domain| !matches!(domain, Domain::Fixed(_)))
    }

    /// The value at share `u` of the prior's mass: with `u` uniform, a draw. `None` for a tied parameter.
    pub fn quantile(&self, u: f64) -> Option<Value> {
        match &self.rule {
            Rule::Free { domain, prior } => Some(prior.quantile(domain, u)),
            Rule::Tied(_) => None,
        }
    }

    /// The position of a legal value in `[0, 1]` on the domain's scale; `None` for another value or a tied parameter.
    pub fn to_unit(&self, value: &Value) -> Option<f64> {
        match &self.rule {
            Rule::Free { domain, prior } => prior.to_unit(domain, value),
            Rule::Tied(_) => None,
        }
    }

    /// The value at a position in `[0, 1]` on the domain's scale; `None` for a tied parameter.
    pub fn from_unit(&self, unit: f64) -> Option<Value> {
        match &self.rule {
            Rule::Free { domain, prior } => Some(prior.from_unit(domain, unit)),
            Rule::Tied(_) => None,
        }
    }

    /// How likely position `unit` is before anything is measured; see [`Prior::density`]. `None` for a tied parameter.
    pub fn density(&self, unit: f64) -> Option<f64> {
        match &self.rule {
            Rule::Free { domain, prior } => Some(prior.density(domain, unit)),
            Rule::Tied(_) => None,
        }
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        let tied = match &self.rule {
            Rule::Free { .. } => &[],
            Rule::Tied(expression) => expression.references(),
        };
        let conditions = self.condition.iter().flat_map(Condition::references);
        tied.iter().map(String::as_str).chain(conditions)
    }

    pub(super) fn validate(&self) -> Result<(), SpaceError> {
        let legal = |(index, character): (usize, char)| match character {
            'a'..='z' | 'A'..='Z' | '_' => true,
            '0'..='9' | '.' | '-' => index > 0,
            _ => false,
        };
        if self.name.is_empty() || !self.name.chars().enumerate().all(legal) {
            return Err(SpaceError::BadName { name: self.name.clone() });
        }
        let finite =
            |condition: &Condition| condition.clauses.iter().all(|clause| clause.test.is_finite());
        if !self.condition.as_ref().is_none_or(finite) {
            return Err(SpaceError::ConditionNotFinite { name: self.name.clone() });
        }
        if let Rule::Free { domain, prior } = &self.rule {
            let named = |source| SpaceError::Domain { name: self.name.clone(), source };
            domain.validate().and_then(|()| prior.validate(domain)).map_err(named)?;
        }
        Ok(())
    }
}
