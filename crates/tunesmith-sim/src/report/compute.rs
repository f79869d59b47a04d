//! Regret against compute: what a method would recommend once its trials had taken some share of what full training
//! takes, and the share from which on that is as good as full training in the end.
//!
//! Full training is the first baseline, and the unit of compute what its study of the same task and seed took. Refuses to average shares over single studies: a study that never gets there would have none, so the share is
//! where the mean regrets meet, and is resampled with them.

use serde::Serialize;

use super::Studies;
use crate::results::UnitResult;
use crate::scale::Scale;
use crate::statistics::{Estimate, bootstrap, resampled};

/// Where regret is compared, in hundredths of full training's compute.
pub(super) const AT: [usize; 4] = [10, 20, 40, 100];
/// As far as the share is looked for, in hundredths.
const MOST: usize = 100;

/// The methods on all tasks or on those of a family.
#[derive(Debug, Serialize)]
pub(super) struct ComputeTable {
    /// The family; `None` of all tasks.
    pub(super) family: Option<&'static str>,
    pub(super) methods: Vec<ComputeRow>,
}

/// A method's regret against compute. Shares are of what full training took on the same task and seed.
#[derive(Debug, Serialize)]
pub(super) struct ComputeRow {
    pub(super) method: String,
    pub(super) studies: usize,
    /// How many trials ended, on average.
    pub(super) trials: f64,
    /// The share that its studies took.
    pub(super) used: Estimate,
    /// Regret at the shares of [`AT`].
    pub(super) regrets: Vec<Estimate>,
    /// Regret when all have ended.
    pub(super) end: Estimate,
    /// That less full training's on the same task and seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) difference: Option<Estimate>,
    /// The least share at which the mean regret is no worse than full training's in the end; infinite, in JSON null,
    /// where it never is.
    pub(super) enough: Estimate,
}

/// The course of a study.
struct Course {
    /// Regret at each hundredth of full training's compute.
    regrets: Vec<f64>,
    used: f64,
    end: f64,
    /// Of full training on the same task and seed.
    full_end: f64,
}

impl Course {
    /// `None` where compute was not counted.
    fn of(study: &UnitResult, full: &UnitResult, scale: Scale) -> Option<Self> {
        let unit = full.device_seconds.filter(|seconds| *seconds > 0.0)?;
        let normalised =
            |regret: Option<f64>| scale.normalised(regret.unwrap_or_else(|| scale.regret(None)));
        let at = |hundredths: usize| {
            // The whole is a moment of a study, and rounding must not come before it.
            normalised(study.regret_by(unit * hundredths as f64 / 100.0 * (1.0 + 1e-9)))
        };
        Some(Self {
            used: study.device_seconds? / unit,
            regrets: (0..=MOST).map(at).collect(),
            end: normalised(study.last_regret()),
            full_end: normalised(full.last_regret()),
        })
    }
}

/// The least share at which the courses' mean regret is no worse than full training's in the end.
fn enough(courses: &mut dyn Iterator<Item = &Course>) -> f64 {
    let mut regrets = [0.0; MOST + 1];
    let mut full = 0.0;
    for course in courses {
        full += course.full_end;
        for (sum, regret) in regrets.iter_mut().zip(&course.regrets) {
            *sum += regret;
        }
    }
    // Sums of the same numbers may differ in their last digits.
    let found = regrets.iter().position(|sum| *sum <= full * (1.0 + 1e-9));
    found.map_or(f64::INFINITY, |hundredths| hundredths as f64 / 100.0)
}

impl Studies<'_> {
    /// Every method on all tasks, and where there are several families on those of each.
    pub(super) fn by_compute(&self, full: &str) -> Vec<ComputeTable> {
        let mut families: Vec<&'static str> = Vec::new();
        for task in &self.plan.tasks {
            if !families.contains(&task.family.name) {
                families.push(task.family.name);
            }
        }
        let families = families.iter().filter(|_| families.len() > 1).map(|family| Some(*family));
        let groups = std::iter::once(None).chain(families);
        let methods = || self.plan.methods.iter().map(|method| method.label.as_str());
        groups
            .map(|family| ComputeTable {
                family,
                methods: methods().filter_map(|method| self.row(method, full, family)).collect(),
            })
            .collect()
    }

    fn row(&self, method: &str, full: &str, family: Option<&str>) -> Option<ComputeRow> {
        let full_studies = self.by_method.get(full)?;
        let inside = |task: &str| {
            let own = self.scales.get(task).filter(|(own, _)| family.is_none_or(|one| one == *own));
            own.map(|(_, scale)| *scale)
        };
        let (mut courses, mut trials) = (Vec::new(), 0.0);
        for (key, study) in self.by_method.get(method)? {
            let pair = inside(key.0).zip(full_studies.get(key));
            if let Some(course) = pair.and_then(|(scale, full)| Course::of(study, full, scale)) {
                courses.push(course);
                trials += f64::from(study.finished);
            }
        }
        let mean = |value: &dyn Fn(&Course) -> f64| {
            bootstrap(&courses.iter().map(value).collect::<Vec<f64>>())
        };
        let chosen: Vec<&Course> = courses.iter().collect();
        Some(ComputeRow {
            method: method.to_owned(),
            studies: courses.len(),
            trials: trials / courses.len() as f64,
            used: mean(&|course| course.used)?,
            regrets: AT.iter().filter_map(|at| mean(&|course| course.regrets[*at])).collect(),
            end: mean(&|course| course.end)?,
            difference: mean(&|course| course.end - course.full_end).filter(|_| method != full),
            enough: resampled(&chosen, enough)?,
        })
    }
}
