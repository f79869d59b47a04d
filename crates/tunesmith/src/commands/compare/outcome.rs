//! What the studies of a comparison came to, and what of it is more than noise.
//!
//! Over seeds: the mean, and Student's 95 % interval of it. Two entries differ where the interval of their differences,
//! seed by seed, lies on one side of 0; with one seed, where the difference exceeds 1.96 standard errors of two shares
//! of right answers on the same count of rows. It refuses to say more than that: with one seed and another metric
//! nothing is said.

use serde_json::{Value as Json, json};
use tunesmith_core::probability::student_t_quantile;
use tunesmith_core::{Goal, Study, TrialState};

use super::agreement;
use super::plan::Entry;
use crate::commands::run::Finished;
use tunesmith_view::figures;

/// A comparison that was run.
#[derive(Debug)]
pub(super) struct Contest {
    /// Its name.
    pub(super) name: String,
    /// The metric that all searched for.
    pub(super) metric: String,
    /// Which way it is better.
    pub(super) goal: Goal,
    /// What was compared, in the order of the file.
    pub(super) contestants: Vec<Contestant>,
}

/// One of the things that were compared.
#[derive(Debug)]
pub(super) struct Contestant {
    /// What it is called.
    pub(super) label: String,
    /// By seed.
    pub(super) scores: Vec<Score>,
}

/// What one study came to.
#[derive(Debug)]
pub(super) struct Score {
    /// The number of its seed.
    pub(super) seed: u32,
    /// The study.
    pub(super) study: Study,
    /// The metric of what it recommends: of the runs on fresh seeds where there are any, else as it was measured.
    pub(super) value: Option<f64>,
    /// The same metric on the test split, measured once.
    pub(super) test: Option<f64>,
    /// The rows that it was measured on; 0 where that is not known.
    pub(super) validation_rows: usize,
}

/// A mean over seeds with half of its 95 % interval, where two seeds or more have one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mean {
    /// The mean.
    pub(super) mean: f64,
    /// Half of the interval.
    pub(super) half_width: Option<f64>,
}

impl Score {
    pub(super) fn of(seed: u32, finished: Finished) -> Self {
        let Finished { study, certificate } = finished;
        let metric = study.metrics().first();
        let winner = study.winner().map(|winner| winner.mean);
        let value = winner.or_else(|| metric.and_then(|metric| study.best()?.value(metric)));
        let test = certificate.as_ref().and_then(|known| {
            let name = known.metric.strip_prefix("eval_").unwrap_or(&known.metric);
            known.test.as_ref()?.get(format!("test_{name}"))?.as_f64()
        });
        let validation_rows = certificate.map_or(0, |known| known.validation_rows);
        Self { seed, study, value, test, validation_rows }
    }

    fn minutes(&self) -> f64 {
        self.study.spent(self.study.last_event_at()).device_seconds / 60.0
    }

    fn cost(&self) -> Option<f64> {
        self.study.spent(self.study.last_event_at()).cost
    }

    fn count(&self, state: TrialState) -> f64 {
        self.study.count(state) as f64
    }

    /// Trials that the scheduler ended or held back for good.
    fn stopped(&self) -> f64 {
        self.count(TrialState::Pruned) + self.count(TrialState::Paused)
    }
}

impl Mean {
    /// Of what there is; `None` of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let half_width = (values.len() > 1).then(|| {
            let error = (squares / (count - 1.0) / count).sqrt();
            student_t_quantile(0.975, count - 1.0) * error
        });
        (!values.is_empty()).then_some(Self { mean, half_width })
    }

    fn shown(self, figure: impl Fn(f64) -> String) -> String {
        match self.half_width {
            Some(half) => format!("{} ± {}", figure(self.mean), figure(half)),
            None => figure(self.mean),
        }
    }
}

impl Contestant {
    pub(super) fn new(entry: &Entry) -> Self {
        Self { label: entry.label.clone(), scores: Vec::new() }
    }

    pub(super) fn values(&self) -> Vec<f64> {
        self.scores.iter().filter_map(|score| score.value).collect()
    }

    fn mean(&self, of: impl Fn(&Score) -> Option<f64>) -> Option<Mean> {
        Mean::of(&self.scores.iter().filter_map(of).collect::<Vec<_>>())
    }

    pub(super) fn json(&self) -> Json {
        let mean = |mean: Option<Mean>| {
            mean.map(|it| json!({ "mean": it.mean, "half_width": it.half_width }))
        };
        let study = |score: &Score| {
            json!({
                "study": score.study.config().name,
                "seed": score.seed,
                "value": score.value,
                "test": score.test,
                "device_minutes": score.minutes(),
                "cost": score.cost(),
                "trials": score.study.searched_trials(),
                "stopped_early": score.stopped(),
                "failed": score.count(TrialState::Failed),
                "validation_rows": score.validation_rows,
            })
        };
        json!({
            "label": self.label,
            "value": mean(Mean::of(&self.values())),
            "test": mean(self.mean(|score| score.test)),
            "device_minutes": mean(self.mean(|score| Some(score.minutes()))),
            "cost": mean(self.mean(Score::cost)),
            "studies": self.scores.iter().map(study).collect::<Vec<_>>(),
        })
    }
}

impl Contest {
    pub(super) fn new(name: &str, contestants: Vec<Contestant>) -> Self {
        let studies = || contestants.iter().flat_map(|one| &one.scores);
        let metric = studies().next().and_then(|score| score.study.metrics().first().cloned());
        let (metric, goal) = metric.map(|it| (it.name, it.goal)).unwrap_or_default();
        Self { name: name.to_owned(), metric, goal, contestants }
    }

    /// The index of the contestant with the best mean.
    pub(super) fn best(&self) -> Option<usize> {
        let means = self.contestants.iter().enumerate();
        let means = means.filter_map(|(index, one)| Some((index, Mean::of(&one.values())?.mean)));
        means
            .reduce(|best, other| if self.goal.is_better(other.1, best.1) { other } else { best })
            .map(|(index, _)| index)
    }

    fn has_test(&self) -> bool {
        self.contestants.iter().flat_map(|one| &one.scores).any(|score| score.test.is_some())
    }

    fn is_priced(&self) -> bool {
        self.contestants.iter().flat_map(|one| &one.scores).any(|score| score.cost().is_some())
    }

    /// The columns of the table after the label.
    pub(super) fn titles(&self) -> Vec<String> {
        let mut titles = vec![format!("best {}", self.metric)];
        if self.has_test() {
            titles.push("on the test split".to_owned());
        }
        titles.push("device minutes".to_owned());
        if self.is_priced() {
            titles.push("cost".to_owned());
        }
        titles.extend(["trials", "stopped early", "failed"].map(str::to_owned));
        titles
    }

    /// The rows of the table, labels first.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        self.contestants.iter().map(|one| self.row(one)).collect()
    }

    fn row(&self, one: &Contestant) -> Vec<String> {
        let shown = |mean: Option<Mean>, figure: fn(f64) -> String| {
            mean.map_or("-".to_owned(), |mean| mean.shown(figure))
        };
        let minutes = |minutes: f64| figures::minutes(minutes * 60.0);
        let mut cells = vec![one.label.clone(), shown(Mean::of(&one.values()), figures::metric)];
        if self.has_test() {
            cells.push(shown(one.mean(|score| score.test), figures::metric));
        }
        cells.push(shown(one.mean(|score| Some(score.minutes())), minutes));
        if self.is_priced() {
            cells.push(shown(one.mean(Score::cost), figures::money));
        }
        let count = |of: fn(&Score) -> f64| {
            let mean = one.mean(|score| Some(of(score))).map_or(0.0, |mean| mean.mean);
            figures::number((mean * 10.0).round() / 10.0)
        };
        cells.push(count(|score| f64::from(score.study.searched_trials())));
        cells.push(count(Score::stopped));
        cells.push(count(|score| score.count(TrialState::Failed)));
        cells
    }

    /// What the table says and what it does not, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let Some(best) = self.best() else {
            return vec!["no trial was completed: there is nothing to compare".to_owned()];
        };
        let others = (0..self.contestants.len()).filter(|other| *other != best);
        let mut sentences: Vec<String> =
            others.filter_map(|other| self.sentence(best, other)).collect();
        if self.contestants.iter().all(|one| one.scores.len() < 2) {
            sentences.push(
                "one seed each: a method that is better by luck alone looks the same; --seeds 5 tells them apart better"
                    .to_owned(),
            );
        }
        sentences.extend(agreement::sentences(self));
        sentences
    }

    fn sentence(&self, best: usize, other: usize) -> Option<String> {
        let (winner, loser) = (&self.contestants[best], &self.contestants[other]);
        let label = |one: &Contestant| one.label.clone();
        let Some(difference) = difference(winner, loser) else {
            let nothing = Mean::of(&loser.values()).is_none();
            return nothing.then(|| format!("{} completed no trial", label(loser)));
        };
        let size = figures::metric(difference.mean.abs());
        let (winner, loser) = (label(winner), label(loser));
        let half = difference.half_width?;
        Some(if difference.mean.abs() > half {
            format!("{winner} is better than {loser} by {size} ± {}", figures::metric(half))
        } else {
            format!(
                "{winner} and {loser} are within noise of each other: they differ by {size} ± {}",
                figures::metric(half)
            )
        })
    }

    /// The studies, a line each.
    pub(super) fn csv(&self) -> String {
        let mut text =
            "label,seed,study,value,test,device_minutes,cost,trials,stopped_early,failed\n"
                .to_owned();
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        for one in &self.contestants {
            for score in &one.scores {
                let line = [
                    quoted(&one.label),
                    score.seed.to_string(),
                    quoted(&score.study.config().name),
                    cell(score.value),
                    cell(score.test),
                    score.minutes().to_string(),
                    cell(score.cost()),
                    score.study.searched_trials().to_string(),
                    score.stopped().to_string(),
                    score.count(TrialState::Failed).to_string(),
                ];
                text.push_str(&line.join(","));
                text.push('\n');
            }
        }
        text
    }
}

/// A field of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// How much `left` is above `right`: by the differences seed by seed, or with one seed by the errors of two shares.
fn difference(left: &Contestant, right: &Contestant) -> Option<Mean> {
    let value = |one: &Contestant, seed: u32| {
        one.scores.iter().find(|score| score.seed == seed).and_then(|score| score.value)
    };
    let seeds = left.scores.iter().map(|score| score.seed);
    let pairs: Vec<(f64, f64)> =
        seeds.filter_map(|seed| Some((value(left, seed)?, value(right, seed)?))).collect();
    let differences: Vec<f64> = pairs.iter().map(|(left, right)| left - right).collect();
    let mean = Mean::of(&differences)?;
    if mean.half_width.is_some() {
        return Some(mean);
    }
    let rows = left.scores.first().map_or(0, |score| score.validation_rows);
    let is_share = |value: f64| (0.0..=1.0).contains(&value);
    let accuracy = left.scores.first()?.study.metrics().first()?.name.ends_with("accuracy");
    let (one, other) = *pairs.first()?;
    let known = rows > 0 && accuracy && is_share(one) && is_share(other);
    let error = ((one * (1.0 - one) + other * (1.0 - other)) / rows as f64).sqrt();
    Some(Mean { half_width: known.then_some(1.96 * error), ..mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_two_has_students_interval() {
        let mean = Mean::of(&[0.70, 0.74]).expect("two values");
        assert!((mean.mean - 0.72).abs() < 1e-12);
        // t(0.975, 1) is 12.7062 (any table), times the standard error 0.02.
        assert!((mean.half_width.expect("two values") - 12.706_2 * 0.02).abs() < 1e-5);
        assert_eq!(Mean::of(&[0.5]).map(|mean| mean.half_width), Some(None));
        assert_eq!(Mean::of(&[]), None);
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("gp"), "gp");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
