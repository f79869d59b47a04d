//! A comparison as a page of Markdown. It refuses to say what the table does not.

use super::outcome::Contest;

/// The page: a table, what it says, the plot.
pub(super) fn page(contest: &Contest) -> String {
    let seeds = contest.contestants.iter().map(|one| one.scores.len()).max().unwrap_or(0);
    let mut lines = vec![format!("# {}", contest.name), String::new()];
    lines.push(match seeds {
        1 => "One study each.".to_owned(),
        seeds => format!("Means over {seeds} seeds, with 95 % intervals."),
    });
    lines.push(String::new());
    let titles = contest.titles();
    lines.push(format!("| | {} |", titles.join(" | ")));
    lines.push(format!("|---|{}", "--:|".repeat(titles.len())));
    for (index, cells) in contest.rows().into_iter().enumerate() {
        let mut cells = cells.into_iter().map(|cell| cell.replace('|', "\\|"));
        let label = cells.next().unwrap_or_default();
        let label = if contest.best() == Some(index) { format!("**{label}**") } else { label };
        lines.push(format!("| {label} | {} |", cells.collect::<Vec<_>>().join(" | ")));
    }
    lines.push(String::new());
    lines.extend(contest.sentences().iter().map(|sentence| format!("- {sentence}.")));
    lines.push("- Each `best` is the best of many measurements on the same rows, and so looks better than it is.".to_owned());
    lines.push(String::new());
    lines.push("![The best value so far over device minutes](compare.svg)".to_owned());
    lines.join("\n") + "\n"
}
