//! Six small text classifiers, each trained with 1,000 draws of Adam's eight hyperparameters (Metz et al., "Using a
//! thousand optimization tasks to learn hyperparameter search strategies", 2020), as surrogates of the validation
//! loss.
//!
//! The surrogate is the geometric mean of the 4 nearest rows, the axes weighted 4 (rate), 3 (epsilon), 1.5 (l1, l2),
//! 0.3 (one minus each beta) and 0.1 (decays). Left out one by one, rows are predicted with a rank correlation of
//! 0.71 to 0.83 over the tasks, and 0.61 to 0.68 among the best fifth; a random forest has 0.40 to 0.80 and 0.20 to
//! 0.48. Where most of the weight is of rows whose loss became NaN, it does here too. Refuses the training loss.

use std::path::Path;

use serde::Deserialize;
use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, SearchSpace, Value};

use super::neighbours::{Neighbours, Row};
use super::read::{ReadError, rows};
use crate::objective::{Evaluation, Objective, Point};

/// Of the 51 points of a curve, the first before any training, every fifth is kept.
const EVERY: usize = 5;
/// Device seconds of a training: an assumption, that only sets the unit of time.
const SECONDS: f64 = 600.0;

/// One axis: its name, how it is measured, its decades and its weight among neighbours.
struct Axis {
    name: &'static str,
    /// Whether the table's value is one minus the parameter.
    complement: bool,
    decades: (f64, f64),
    weight: f64,
}

const AXES: [Axis; 8] = [
    axis("learning_rate", false, (-8.0, 1.0), 4.0),
    axis("beta1", true, (-4.0, 0.0), 0.3),
    axis("beta2", true, (-6.0, 0.0), 0.3),
    axis("epsilon", false, (-10.0, 3.0), 3.0),
    axis("l1", false, (-8.0, 1.0), 1.5),
    axis("l2", false, (-8.0, 1.0), 1.5),
    axis("linear_decay", false, (-7.0, -4.0), 0.1),
    axis("exponential_decay", false, (-6.0, -3.0), 0.1),
];

const fn axis(name: &'static str, complement: bool, decades: (f64, f64), weight: f64) -> Axis {
    Axis { name, complement, decades, weight }
}

impl Axis {
    /// A beta is searched as its distance from 1, on a log scale, as the table drew it.
    fn parameter(&self) -> Parameter {
        let (low, high) = self.decades;
        let name =
            if self.complement { format!("one_minus_{}", self.name) } else { self.name.to_owned() };
        Parameter::new(&name, Domain::log_float(libm::exp10(low), libm::exp10(high)))
    }

    /// The scaled place of a searched value.
    fn place(&self, value: f64) -> f64 {
        let (low, high) = self.decades;
        self.weight * (libm::log10(value) - low) / (high - low)
    }
}

#[derive(Deserialize)]
struct Run {
    hp: Adam,
    valid: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    l1: f64,
    l2: f64,
    linear_decay: f64,
    exponential_decay: f64,
}

impl Run {
    /// The searched values in the order of the axes.
    fn searched(&self) -> [f64; 8] {
        let hp = &self.hp;
        let (beta1, beta2) = (1.0 - hp.beta1, 1.0 - hp.beta2);
        [
            hp.learning_rate,
            beta1,
            beta2,
            hp.epsilon,
            hp.l1,
            hp.l2,
            hp.linear_decay,
            hp.exponential_decay,
        ]
    }

    fn row(&self) -> Row {
        let at = AXES.iter().zip(self.searched()).map(|(axis, value)| axis.place(value)).collect();
        let kept = self.valid.iter().skip(EVERY).step_by(EVERY);
        let values: Vec<f64> = kept.map(|loss| loss.map_or(f64::NAN, libm::log)).collect();
        Row { at, broken: values.iter().any(|value| !value.is_finite()), values }
    }
}

/// The validation loss of a text classifier under Adam.
#[derive(Debug)]
pub(crate) struct TaskSet {
    space: SearchSpace,
    metric: Metric,
    table: Neighbours,
    landmarks: Vec<Params>,
}

impl TaskSet {
    /// The task of that name, such as `IRNN64_relu_last_bs128` with `patch32`, from the data directory.
    pub(crate) fn read(data: &Path, task: &str) -> Result<Self, ReadError> {
        let name = format!("hpo/taskset/FixedTextRNNClassification_imdb_{task}.jsonl.gz");
        let path = data.join(name);
        let runs: Vec<Run> = rows(&path)?;
        let rows: Vec<Row> = runs.iter().map(Run::row).collect();
        let points = rows.first().map_or(0, |row| row.values.len());
        if points == 0 || rows.iter().any(|row| row.values.len() != points) {
            return Err(ReadError::Empty { path, what: "equally long curves" });
        }
        let parameters: Vec<Parameter> = AXES.iter().map(Axis::parameter).collect();
        let legal = |(parameter, value): (&Parameter, f64)| {
            let inside = parameter.to_unit(&Value::Float(value)).map(|_| value);
            inside.map(|value| (parameter.name.clone(), Value::Float(value)))
        };
        let landmarks = runs
            .iter()
            .filter_map(|run| parameters.iter().zip(run.searched()).map(legal).collect())
            .collect();
        let fractions = (1..=points).map(|index| index as f64 / points as f64).collect();
        let table = Neighbours { fractions, rows, count: 4, smoothing: 1e-3 };
        let metric = Metric::new("eval_loss", Goal::Minimize);
        Ok(Self { space: crate::legal(parameters), metric, table, landmarks })
    }
}

impl Objective for TaskSet {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let place = |(axis, parameter): (&Axis, &Parameter)| {
            params
                .get(&parameter.name)
                .and_then(Value::as_f64)
                .map_or(f64::NAN, |value| axis.place(value))
        };
        let at: Vec<f64> = AXES.iter().zip(self.space.parameters()).map(place).collect();
        let logarithms = self.table.curve(&at, |_| true).into_iter();
        let curve = logarithms.map(|point| Point { value: libm::exp(point.value), ..point });
        Evaluation { curve: curve.collect(), seconds: SECONDS }
    }

    fn landmarks(&self) -> Vec<Params> {
        self.landmarks.clone()
    }
}
