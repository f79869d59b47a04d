//! Progress on a terminal: a line for the study, a line for every running trial, and above them a
//! line that stays for everything that is over. It refuses to say how long what it cannot know
//! will take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tunesmith_runtime::progress::{Progress, Standing};

use super::{Display, Heading, short_params, words};
use tunesmith_view::figures;

/// The study's bar is drawn in this many parts.
const STUDY_PARTS: u64 = 1000;

/// The display.
pub(super) struct Bars {
    heading: Heading,
    all: MultiProgress,
    study: ProgressBar,
    trials: BTreeMap<u64, TrialBar>,
    standing: Standing,
    began: Instant,
}

struct TrialBar {
    bar: ProgressBar,
    params: String,
    metric: Option<f64>,
    rate: f64,
    loss: Option<f64>,
}

impl Bars {
    /// A display of the study that `heading` names.
    pub(super) fn new(heading: Heading) -> Self {
        let all = MultiProgress::new();
        let study = all.add(ProgressBar::new(STUDY_PARTS));
        study.set_style(style("{prefix:.bold} {wide_bar:.cyan/dim} {msg} · {elapsed_precise}"));
        study.set_prefix(heading.study.clone());
        study.enable_steady_tick(Duration::from_millis(500));
        let standing = Standing::default();
        Self { heading, all, study, trials: BTreeMap::new(), standing, began: Instant::now() }
    }

    fn begin(&mut self, trial: u64, params: String, total_steps: u64, from_step: u64) {
        let bar = self.all.add(ProgressBar::new(total_steps));
        bar.set_style(style("{prefix} {bar:20.green/dim} {pos:>5}/{len} {wide_msg}"));
        bar.set_prefix(format!("trial {trial:>3}"));
        bar.set_position(from_step);
        bar.set_message(params.clone());
        self.trials.insert(trial, TrialBar { bar, params, metric: None, rate: 0.0, loss: None });
    }

    fn end(&mut self, trial: u64) {
        if let Some(TrialBar { bar, .. }) = self.trials.remove(&trial) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }

    fn end_all(&mut self) {
        let running: Vec<u64> = self.trials.keys().copied().collect();
        for trial in running {
            self.end(trial);
        }
    }

    fn update_study(&self) {
        let ended = self.standing.completed + self.standing.pruned + self.standing.failed;
        let part = |trial: &TrialBar| {
            trial.bar.position() as f64 / trial.bar.length().unwrap_or(1).max(1) as f64
        };
        let done = ended as f64 + self.trials.values().map(part).sum::<f64>();
        if let Some(total) = self.standing.total.filter(|total| *total > 0) {
            self.study.set_position((STUDY_PARTS as f64 * done / total as f64) as u64);
        }
        self.study.set_message(self.study_message(done));
    }

    fn study_message(&self, done: f64) -> String {
        let Standing { completed, pruned, failed, total, best, front, cost, .. } = &self.standing;
        let ended = completed + pruned + failed;
        let mut parts = vec![match total {
            Some(total) => format!("{ended}/{total} trials"),
            None => format!("{ended} trials"),
        }];
        if *failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        if let Some((trial, value)) = best {
            parts.push(format!("best {} (trial {trial})", figures::metric(*value)));
        }
        parts.extend(front.map(|trials| format!("front of {trials}")));
        if self.heading.priced {
            parts.push(format!("cost {}", figures::money(*cost)));
        }
        parts.extend(self.time_left(done));
        parts.join(" · ")
    }

    /// The time left, where the number of trials is known and some have been trained in this run;
    /// at a price with what it will cost.
    fn time_left(&self, done: f64) -> Option<String> {
        let total = self.standing.total? as f64;
        let here = done - self.heading.ended_before as f64;
        if here < 0.5 || done >= total {
            return None;
        }
        let left = self.began.elapsed().as_secs_f64() * (total - done) / here;
        let priced = self.heading.priced && done > 0.0;
        let money = priced.then(|| figures::money(self.standing.cost * (total - done) / done));
        let cost = money.map_or(String::new(), |money| format!(", {money}"));
        Some(format!("about {}{cost} left", figures::duration(left)))
    }
}

impl TrialBar {
    fn update(&self, metric_name: &str) {
        let mut parts = Vec::new();
        if self.rate > 0.0 {
            parts.push(format!("{:.1}/s", self.rate));
        }
        parts.extend(self.loss.map(|loss| format!("loss {}", figures::metric(loss))));
        parts.extend(self.metric.map(|value| format!("{metric_name} {}", figures::metric(value))));
        parts.push(self.params.clone());
        self.bar.set_message(parts.join(" · "));
    }
}

impl Display for Bars {
    fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Started { trial, params, total_steps, from_step } => {
                let params = short_params(params, &self.heading.varying);
                self.begin(*trial, params, *total_steps, *from_step);
            }
            Progress::Stepped { trial, step, loss, steps_per_second } => {
                if let Some(bar) = self.trials.get_mut(trial) {
                    bar.bar.set_position(*step);
                    bar.rate = *steps_per_second;
                    bar.loss = Some(*loss);
                    bar.update(&self.heading.metric);
                }
                self.update_study();
            }
            Progress::Reported { trial, step, metrics, .. } => {
                if let Some(bar) = self.trials.get_mut(trial) {
                    bar.bar.set_position(*step);
                    bar.metric = metrics.get(&self.heading.metric).copied();
                    bar.update(&self.heading.metric);
                }
            }
            Progress::Ended { trial, .. }
            | Progress::HandedBack { trial }
            | Progress::Paused { trial } => self.end(*trial),
            Progress::TrainerLost { .. } => {
                self.end_all();
            }
            Progress::Standing(standing) => {
                self.standing = standing.clone();
                self.update_study();
            }
            Progress::Opening { .. }
            | Progress::Opened(_)
            | Progress::Fitted { .. }
            | Progress::Reaped { .. }
            | Progress::TookOver { .. } => {}
        }
        if let Some(line) = words::lasting(progress, &self.heading) {
            self.study.suspend(|| anstream::eprintln!("{line}"));
        }
    }

    fn close(&mut self) {
        self.end_all();
        self.study.finish_and_clear();
    }
}

/// A style; a template that does not parse falls back to the plain bar, as a display is no reason
/// to end a search.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse() {
        for template in [
            "{prefix:.bold} {wide_bar:.cyan/dim} {msg} · {elapsed_precise}",
            "{prefix} {bar:20.green/dim} {pos:>5}/{len} {wide_msg}",
        ] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
