//! A report as Markdown tables. Refuses digits beyond what the intervals bear.

use std::fmt::Write as _;

use super::comparison::{Comparison, Pairs};
use super::compute::{AT, ComputeRow};
use super::{Cell, MethodRow, Report, TARGET};
use crate::statistics::Estimate;

/// The whole report.
pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    heading(&mut out, report);
    compute(&mut out, report);
    if report.compute.is_none() {
        by_trials(&mut out, report);
    }
    notes(&mut out, report);
    out
}

/// The tables that count in trials.
fn by_trials(out: &mut String, report: &Report) {
    overall(out, report);
    for comparison in &report.comparisons {
        compare(out, report, comparison);
    }
    families(out, report);
    by_task(out, report);
    anytime(out, report);
    target(out, report);
}

/// Appends a line.
fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn heading(out: &mut String, report: &Report) {
    line(out, "# Regret of the recommended configuration\n");
    let tasks = counted(report.tasks.len(), "task");
    let seeds = counted(report.seeds as usize, "seed");
    let mut trials = counted(report.trials as usize, "trial");
    if let Some(share) = report.compute {
        trials = format!("{trials} or, with a scheduler, {} of their compute", percent(share));
    }
    let workers = counted(report.workers as usize, "worker");
    line(
        out,
        &format!(
            "{tasks}, {seeds}, {trials}, {workers}. 0 is the best that a task has, 1 the median of uniform \
             draws. In brackets 95 % bootstrap intervals over (task, seed); `<` and `>`: below and above {} on the \
             same tasks and seeds, the interval of the difference apart from 0.\n",
            baseline(report)
        ),
    );
}

/// The method that the marks are about.
fn baseline(report: &Report) -> String {
    let first = report.comparisons.first();
    first.map_or_else(|| "the baseline".to_owned(), |first| format!("`{}`", first.baseline))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn header(out: &mut String, first: &[&str], counts: impl IntoIterator<Item = u32>) {
    let mut titles: Vec<String> = first.iter().map(|title| (*title).to_owned()).collect();
    let numbers = counts.into_iter().map(|count| count.to_string());
    titles.extend(numbers);
    let rule: Vec<&str> = titles
        .iter()
        .enumerate()
        .map(|(index, _)| if index == 0 { "---" } else { "--:" })
        .collect();
    line(out, &format!("| {} |", titles.join(" | ")));
    line(out, &format!("|{}|", rule.join("|")));
}

fn mark(cell: &Cell) -> &'static str {
    cell.difference.map_or("", |difference| difference.side_of(0.0))
}

fn interval(cell: &Cell) -> String {
    let regret = cell.regret;
    format!("{:.3} [{:.3}, {:.3}]{}", regret.mean, regret.low, regret.high, mark(cell))
}

fn difference(pairs: &Pairs) -> String {
    let Estimate { mean, low, high } = pairs.difference;
    format!("{mean:+.3} [{low:+.3}, {high:+.3}]{}", pairs.difference.side_of(0.0))
}

fn ratio(pairs: &Pairs) -> String {
    pairs.ratio.map_or_else(
        || "–".to_owned(),
        |ratio| {
            let Estimate { mean, low, high } = ratio;
            format!("{mean:.2} [{low:.2}, {high:.2}]{}", ratio.side_of(1.0))
        },
    )
}

fn rows<'a>(
    out: &mut String,
    report: &'a Report,
    counts: &[u32],
    cells: impl Fn(&'a MethodRow) -> Option<&'a [Cell]>,
    show: impl Fn(&Cell) -> String,
) {
    for row in &report.methods {
        let Some(cells) = cells(row) else { continue };
        let at = |trials: u32| cells.iter().find(|cell| cell.trials == trials);
        let shown = counts.iter().map(|trials| at(*trials).map_or_else(String::new, &show));
        let shown: Vec<String> = shown.collect();
        line(out, &format!("| {} | {} |", name(row), shown.join(" | ")));
    }
}

/// The method in the type of code.
fn name(row: &MethodRow) -> String {
    format!("`{}`", row.method)
}

fn overall(out: &mut String, report: &Report) {
    line(out, "## All tasks\n");
    header(out, &["after trials"], report.checkpoints());
    rows(out, report, &report.checkpoints(), |row| Some(&row.all), interval);
    let fewer = report.methods.iter().filter_map(|row| missing(row, report));
    let fewer: Vec<String> = fewer.collect();
    if !fewer.is_empty() {
        let fewer = fewer.join(", ");
        line(out, &format!("\nNot all studies, so to be compared by differences alone: {fewer}."));
    }
    out.push('\n');
}

/// How many of the expected studies a method has, by number of trials where they differ.
fn missing(row: &MethodRow, report: &Report) -> Option<String> {
    let expected = report.tasks.len() * report.seeds as usize;
    let studies = |trials: u32| {
        row.all.iter().find(|cell| cell.trials == trials).map_or(0, |cell| cell.studies)
    };
    let mut latest = expected;
    let mut counts = Vec::new();
    for trials in report.checkpoints() {
        let here = studies(trials);
        if here != latest {
            counts.push(format!("{here} of {expected} from {trials} trials on"));
        }
        latest = here;
    }
    (!counts.is_empty()).then(|| format!("{} has {}", name(row), counts.join(" and ")))
}

/// The differences to a baseline, and the ratios.
fn compare(out: &mut String, report: &Report, comparison: &Comparison) {
    let baseline = &comparison.baseline;
    let mut table = |title: &str, show: &dyn Fn(&Pairs) -> String| {
        line(out, &format!("## {title} `{baseline}`\n"));
        header(out, &["after trials"], report.checkpoints());
        for row in &comparison.methods {
            let shown = row.cells.iter().map(|cell| cell.as_ref().map_or_else(String::new, show));
            let shown: Vec<String> = shown.collect();
            line(out, &format!("| `{}` | {} |", row.method, shown.join(" | ")));
        }
        out.push('\n');
    };
    table("Difference to", &difference);
    table("Ratio to", &ratio);
}

/// Regret against compute, where that is asked.
fn compute(out: &mut String, report: &Report) {
    let full = baseline(report);
    for table in &report.by_compute {
        let whose = table.family.map_or_else(String::new, |family| format!(", family {family}"));
        line(out, &format!("## Regret by compute{whose}\n"));
        if table.family.is_none() {
            line(
                out,
                &format!(
                    "100 % is what {full} took on the same task and seed. *Enough* is the share from which on the \
                     mean regret is no worse than that of {full} at its end.\n",
                ),
            );
        }
        let shares = AT.iter().map(|at| format!("at {at} %"));
        let titles: Vec<String> = std::iter::once("method".to_owned())
            .chain(shares)
            .chain(["at its end", "enough", "used", "trials"].map(str::to_owned))
            .collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        header(out, &titles, []);
        for row in &table.methods {
            line(out, &compute_row(row));
        }
        out.push('\n');
    }
}

fn compute_row(row: &ComputeRow) -> String {
    let plain = |regret: &Estimate| format!("{:.3}", regret.mean);
    let mark = row.difference.map_or("", |difference| difference.side_of(0.0));
    let Estimate { mean, low, high } = row.end;
    let mut cells = vec![format!("`{}`", row.method)];
    cells.extend(row.regrets.iter().map(plain));
    cells.push(format!("{mean:.3} [{low:.3}, {high:.3}]{mark}"));
    let Estimate { mean, low, high } = row.enough;
    cells.push(format!("{} [{}, {}]", percent(mean), percent(low), percent(high)));
    cells.push(percent(row.used.mean));
    cells.push(format!("{:.0}", row.trials));
    format!("| {} |", cells.join(" | "))
}

/// A share; a dash where it is infinite.
fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", 100.0 * share) } else { "–".to_owned() }
}

fn families(out: &mut String, report: &Report) {
    let mut seen: Vec<&str> = Vec::new();
    for task in &report.tasks {
        if seen.contains(&task.family) {
            continue;
        }
        seen.push(task.family);
        line(out, &format!("## Family {} ({})\n", task.family, task.group));
        header(out, &["after trials"], report.checkpoints());
        rows(
            out,
            report,
            &report.checkpoints(),
            |row| row.families.get(task.family).map(Vec::as_slice),
            interval,
        );
        out.push('\n');
    }
}

fn by_task(out: &mut String, report: &Report) {
    line(out, &format!("## By task, after {} trials, in the metric's unit\n", report.trials));
    let titles: Vec<String> = report.methods.iter().map(name).collect();
    let mut first = vec!["task", "best", "typical"];
    first.extend(titles.iter().map(String::as_str));
    header(out, &first, []);
    for task in &report.tasks {
        let mut shown = vec![task.name.to_owned(), figure(task.best), figure(task.typical)];
        shown.extend(report.methods.iter().map(|row| {
            let last = row.by_task.get(task.name).and_then(|cells| cells.last());
            let last = last.filter(|last| last.cell.trials == report.trials);
            last.map_or_else(String::new, |last| {
                format!("{}{}", figure(last.raw), mark(&last.cell))
            })
        }));
        line(out, &format!("| {} |", shown.join(" | ")));
    }
    out.push('\n');
}

/// Four significant digits at most.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e5).contains(&size) => format!("{value:.2e}"),
        size if size < 1.0 => format!("{value:.4}"),
        _ => format!("{value:.3}"),
    }
}

fn anytime(out: &mut String, report: &Report) {
    line(out, "## Anytime\n");
    let counts = super::doublings(report.trials);
    header(out, &["after trials"], counts.iter().copied());
    rows(out, report, &counts, |row| Some(&row.anytime), |cell| format!("{:.3}", cell.regret.mean));
    out.push('\n');
}

fn target(out: &mut String, report: &Report) {
    line(out, &format!("## Time to a regret of {TARGET}\n"));
    header(
        out,
        &[
            "method",
            "studies that reached it",
            "median trials",
            "median virtual hours",
            "failed trials",
        ],
        [],
    );
    for row in &report.methods {
        let time = &row.time_to_target;
        let trials = time.median_trials.map_or_else(|| "–".to_owned(), |trials| trials.to_string());
        let hours = time.median_hours.map_or_else(|| "–".to_owned(), |hours| format!("{hours:.1}"));
        let (reached, failed) = (100.0 * time.share_reached, 100.0 * row.failed_share);
        line(
            out,
            &format!("| {} | {reached:.0} % | {trials} | {hours} | {failed:.1} % |", name(row)),
        );
    }
}

fn notes(out: &mut String, report: &Report) {
    let mut notes = Vec::new();
    let versions = report.methods.iter();
    notes.extend(
        versions.filter_map(|row| Some(format!("{} is {}", name(row), row.version.as_ref()?))),
    );
    notes.extend(report.methods.iter().filter_map(|row| unsuited(report, &row.method)));
    notes.extend(left_out(report));
    if notes.is_empty() {
        return;
    }
    out.push_str("\n## Notes\n\n");
    for note in notes {
        let written = writeln!(out, "- {note}.");
        debug_assert!(written.is_ok(), "writing to a String succeeds");
    }
}

/// The tasks that a method does not suit, with the first reason.
fn unsuited(report: &Report, method: &str) -> Option<String> {
    let pairs: Vec<_> = report.unsuited.iter().filter(|pair| pair.method == method).collect();
    let tasks: Vec<&str> = pairs.iter().map(|pair| pair.task).collect();
    let first = pairs.first()?;
    Some(format!("`{method}` does not suit {} ({}: {})", tasks.join(", "), first.task, first.why))
}

/// The tasks that did not run, with the first reason.
fn left_out(report: &Report) -> Option<String> {
    let tasks: Vec<&str> = report.left_out.iter().map(|task| task.task).collect();
    let first = report.left_out.first()?;
    Some(format!("left out: {} ({})", tasks.join(", "), first.why))
}
