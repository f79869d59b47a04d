//! A search space as axes of numbers: what a model needs of it.
//!
//! A numeric parameter is its position in [0, 1] on its own scale, an ordered choice the position of its place, an
//! unordered choice its index. An inactive parameter is absent. Refuses tied and fixed parameters: they follow.

use std::collections::BTreeMap;

use tunesmith_core::{Domain, Parameter, Params, SearchSpace, Value};

/// The most values of a numeric lattice that are listed one by one; beyond, it is treated as a continuum and rounded.
pub(crate) const MOST_LISTED: u64 = 64;

/// How the values of an axis lie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// All of [0, 1].
    Continuous,
    /// These positions in [0, 1], ascending: a short lattice or an ordered choice.
    Lattice(Vec<f64>),
    /// The indexes below this number; none is nearer to another.
    Categorical(usize),
}

/// One searched parameter.
#[derive(Debug, Clone)]
pub(crate) struct Axis<'a> {
    /// The parameter.
    pub(crate) parameter: &'a Parameter,
    /// How its values lie.
    pub(crate) kind: Kind,
}

impl<'a> Axis<'a> {
    fn of(parameter: &'a Parameter) -> Self {
        let kind = match parameter.domain() {
            Some(Domain::Categorical { choices, ordered: false }) => {
                Kind::Categorical(choices.len())
            }
            Some(Domain::Categorical { choices, ordered: true }) => Kind::Lattice(
                (0..choices.len()).map(|i| (i as f64 + 0.5) / choices.len() as f64).collect(),
            ),
            Some(domain) if domain.cardinality().is_some_and(|count| count <= MOST_LISTED) => {
                let values = domain.grid_points().unwrap_or_default();
                let mut positions: Vec<f64> =
                    values.iter().filter_map(|value| parameter.to_unit(value)).collect();
                positions.sort_by(f64::total_cmp);
                positions.dedup();
                if positions.is_empty() { Kind::Continuous } else { Kind::Lattice(positions) }
            }
            _ => Kind::Continuous,
        };
        Self { parameter, kind }
    }

    /// Whether distances between its values mean nothing.
    pub(crate) fn is_categorical(&self) -> bool {
        matches!(self.kind, Kind::Categorical(_))
    }

    /// The coordinate of a legal value.
    pub(crate) fn coordinate(&self, value: &Value) -> Option<f64> {
        match (&self.kind, self.parameter.domain()) {
            (Kind::Categorical(_), Some(Domain::Categorical { choices, .. })) => {
                choices.iter().position(|choice| choice.same_as(value)).map(|index| index as f64)
            }
            _ => self.parameter.to_unit(value),
        }
    }

    /// The legal value at a coordinate, or the nearest one.
    pub(crate) fn value(&self, coordinate: f64) -> Value {
        match (&self.kind, self.parameter.domain()) {
            (Kind::Categorical(count), Some(Domain::Categorical { choices, .. })) => {
                let index = (coordinate.max(0.0).round() as usize).min(count.saturating_sub(1));
                choices.get(index).cloned().unwrap_or(Value::Null)
            }
            _ => self.parameter.from_unit(coordinate).unwrap_or(Value::Null),
        }
    }

    /// The legal coordinate next to any.
    pub(crate) fn snap(&self, coordinate: f64) -> f64 {
        match &self.kind {
            Kind::Continuous => {
                let value = self.value(coordinate);
                self.coordinate(&value).unwrap_or(coordinate)
            }
            Kind::Lattice(positions) => {
                let above = positions.partition_point(|position| *position < coordinate);
                let neighbours =
                    &positions[above.saturating_sub(1)..(above + 1).min(positions.len())];
                let distance = |position: &&f64| (**position - coordinate).abs();
                let nearest = neighbours.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
                nearest.copied().unwrap_or(coordinate)
            }
            Kind::Categorical(count) => {
                coordinate.round().clamp(0.0, count.saturating_sub(1) as f64)
            }
        }
    }

    /// The coordinate of a point of the unit interval: itself, but for a choice its index.
    #[expect(clippy::wrong_self_convention, reason = "it maps as Parameter::from_unit does")]
    pub(crate) fn from_unit(&self, unit: f64) -> f64 {
        match &self.kind {
            Kind::Continuous | Kind::Lattice(_) => self.snap(unit),
            Kind::Categorical(count) => {
                ((unit * *count as f64) as usize).min(count.saturating_sub(1)) as f64
            }
        }
    }
}

/// The searched parameters of a space, as they were declared.
#[derive(Debug, Clone)]
pub(crate) struct Encoding<'a> {
    space: &'a SearchSpace,
    places: BTreeMap<&'a str, usize>,
    /// One axis for each searched parameter.
    pub(crate) axes: Vec<Axis<'a>>,
}

impl<'a> Encoding<'a> {
    /// The encoding of a space.
    pub(crate) fn of(space: &'a SearchSpace) -> Self {
        let places = space.searched().map(|parameter| parameter.name.as_str()).zip(0..).collect();
        Self { space, places, axes: space.searched().map(Axis::of).collect() }
    }

    /// The space itself.
    pub(crate) fn space(&self) -> &SearchSpace {
        self.space
    }

    /// The number of axes.
    pub(crate) fn dimensions(&self) -> usize {
        self.axes.len()
    }

    /// The coordinates of params; `None` for an axis whose parameter is absent, or has a value that is not legal (as
    /// after a define-by-run space grew).
    pub(crate) fn encode(&self, params: &Params) -> Vec<Option<f64>> {
        let coordinate = |axis: &Axis<'_>| {
            params.get(&axis.parameter.name).and_then(|value| axis.coordinate(value))
        };
        self.axes.iter().map(coordinate).collect()
    }

    /// The params at coordinates: legal, completed by ties, without what is inactive.
    pub(crate) fn decode(&self, coordinates: &[f64]) -> Params {
        self.space.complete(|parameter| {
            let place = self.places.get(parameter.name.as_str());
            let value = place
                .and_then(|place| Some(self.axes.get(*place)?.value(*coordinates.get(*place)?)));
            value.unwrap_or(Value::Null)
        })
    }

    /// How many different points there are; `None` for a continuum or too many to count.
    pub(crate) fn cardinality(&self) -> Option<u64> {
        self.axes.iter().try_fold(1_u64, |product, axis| {
            let count = axis.parameter.domain().and_then(Domain::cardinality)?;
            product.checked_mul(count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::{Scale, Step};

    fn space() -> SearchSpace {
        let stepped = Domain::Float {
            low: 0.0,
            high: 1.0,
            scale: Scale::Linear,
            step: Some(Step::FromLow(0.25)),
        };
        let ordered = Domain::Categorical {
            choices: vec![Value::Int(8), Value::Int(16), Value::Int(64)],
            ordered: true,
        };
        SearchSpace::new(vec![
            Parameter::new("lr", Domain::log_float(1e-6, 1e-2)),
            Parameter::new("epochs", Domain::int(1, 4)),
            Parameter::new("dropout", stepped),
            Parameter::new("batch", ordered),
            Parameter::new("schedule", Domain::categorical(["linear", "cosine"])),
            Parameter::new("model", Domain::Fixed(Value::from("base"))),
        ])
        .expect("a space")
    }

    #[test]
    fn params_come_back() {
        let space = space();
        let encoding = Encoding::of(&space);
        assert_eq!((encoding.dimensions(), encoding.cardinality()), (5, None));
        for number in 0..50 {
            let params = space.sample(&tunesmith_core::Rng::at(1, number, "encoding"));
            let coordinates: Option<Vec<f64>> = encoding.encode(&params).into_iter().collect();
            let coordinates = coordinates.expect("all present");
            let snapped: Vec<f64> =
                encoding.axes.iter().zip(&coordinates).map(|(axis, at)| axis.snap(*at)).collect();
            for (left, right) in coordinates.iter().zip(&snapped) {
                assert!((left - right).abs() < 1e-12, "{coordinates:?} is not legal: {snapped:?}");
            }
            let back = encoding.decode(&coordinates);
            assert_eq!(back.len(), params.len());
            for (name, value) in params.iter() {
                let close = match (value.as_f64(), back.get(name).and_then(Value::as_f64)) {
                    (Some(left), Some(right)) => (left - right).abs() <= 1e-12 * left.abs(),
                    _ => back.get(name) == Some(value),
                };
                assert!(close, "{name}: {value} came back as {:?}", back.get(name));
            }
        }
    }

    #[test]
    fn any_coordinate_becomes_a_legal_one() {
        let space = space();
        let encoding = Encoding::of(&space);
        for step in 0..=40 {
            let unit = f64::from(step) / 40.0;
            let coordinates: Vec<f64> =
                encoding.axes.iter().map(|axis| axis.from_unit(unit)).collect();
            assert!(space.check(&encoding.decode(&coordinates)).is_ok(), "at {unit}");
        }
        assert_eq!(encoding.axes[1].kind, Kind::Lattice(vec![0.125, 0.375, 0.625, 0.875]));
        assert_eq!(encoding.axes[1].snap(0.49), 0.375);
        assert_eq!(encoding.axes[1].snap(7.0), 0.875);
        assert_eq!(encoding.axes[4].kind, Kind::Categorical(2));
        assert_eq!((encoding.axes[4].from_unit(0.5), encoding.axes[4].snap(9.0)), (1.0, 1.0));
    }
}
