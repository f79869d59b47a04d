//! The learning curves of all trials in one block of bytes that a browser reads without parsing.
//!
//! Little endian: `u32` magic "TSC1", `u32` trials, `u32` points, `u32` low bits of the revision, `u32` offsets (one more
//! than trials), then `f32` steps, `f32` fractions and `f32` values of all points. Refuses to be exact: 24 bits are more
//! than a screen shows.

use tunesmith_core::{Metric, Report, Study, Trial};

const MAGIC: u32 = 0x3143_5354;

/// The curves of a metric. Where there are more points than `most`, each curve is thinned evenly to its share, and keeps
/// its first and last one.
pub fn curves(study: &Study, metric: &Metric, most: Option<usize>) -> Vec<u8> {
    let total: usize = study.trials().iter().map(|trial| points(trial, metric).count()).sum();
    let share = most.filter(|most| *most < total).map(|most| most as f64 / total as f64);
    let mut offsets: Vec<u32> = vec![0];
    let mut columns: [Vec<f32>; 3] = Default::default();
    for trial in study.trials() {
        let all: Vec<(&Report, f64)> = points(trial, metric).collect();
        for place in kept(all.len(), share) {
            let (report, value) = all[place];
            columns[0].push(report.step as f32);
            columns[1].push(report.fraction as f32);
            columns[2].push(value as f32);
        }
        offsets.push(columns[0].len() as u32);
    }
    let header = [MAGIC, study.trials().len() as u32, columns[0].len() as u32];
    let revision = study.revision().0 as u32;
    let mut bytes: Vec<u8> = Vec::with_capacity(4 * (4 + offsets.len() + 3 * columns[0].len()));
    for word in header.into_iter().chain([revision]).chain(offsets) {
        bytes.extend(word.to_le_bytes());
    }
    for value in columns.iter().flatten() {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

fn points<'a>(trial: &'a Trial, metric: &'a Metric) -> impl Iterator<Item = (&'a Report, f64)> {
    trial.reports.iter().filter_map(|report| Some((report, *report.values.get(&metric.name)?)))
}

/// Which of so many points are kept.
fn kept(count: usize, share: Option<f64>) -> Vec<usize> {
    let wanted = share.map_or(count, |share| (count as f64 * share).ceil() as usize).max(2);
    if wanted >= count {
        return (0..count).collect();
    }
    let last = count - 1;
    (0..wanted).map(|place| place * last / (wanted - 1)).collect()
}
