//! What a run shows while it works: bars on a terminal, a line per finished trial elsewhere, JSON
//! lines for programs. It refuses to compute: it shows what the worker tells.

mod bars;
mod json;
mod lines;
mod words;

use std::io::IsTerminal;
use std::sync::mpsc::Receiver;

use tunesmith_core::Params;
use tunesmith_runtime::progress::Progress;

/// Shows one thing after the other.
pub(crate) trait Display: Send {
    /// Shows what happened.
    fn show(&mut self, progress: &Progress);

    /// Takes away what is only of use while there is work.
    fn close(&mut self) {}
}

/// What a run is called and searches for.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    /// The study's name.
    pub study: String,
    /// The metric's name; of several the first.
    pub metric: String,
    /// Whether costs are known.
    pub priced: bool,
    /// Names of the parameters that differ between trials.
    pub varying: Vec<String>,
    /// Trials that had ended before this run began.
    pub ended_before: u64,
    /// Whether trials are programs.
    pub is_program: bool,
}

/// The displays that fit the streams: `json` on standard output, the others on standard error.
pub(crate) fn displays(heading: &Heading, quiet: bool, json: bool) -> Vec<Box<dyn Display>> {
    let mut displays: Vec<Box<dyn Display>> = Vec::new();
    if json {
        displays.push(Box::new(json::Json));
    }
    if !quiet && std::io::stderr().is_terminal() {
        displays.push(Box::new(bars::Bars::new(heading.clone())));
    } else if !quiet {
        displays.push(Box::new(lines::Lines::new(heading.clone())));
    }
    displays
}

/// Shows everything until the worker is done.
pub(crate) fn watch(events: &Receiver<Progress>, displays: &mut [Box<dyn Display>]) {
    for progress in events {
        for display in displays.iter_mut() {
            display.show(&progress);
        }
    }
    for display in displays {
        display.close();
    }
}

/// A trial's parameters in short: those that vary, numbers to four digits.
pub(crate) fn short_params(params: &Params, varying: &[String]) -> String {
    let shown = params.iter().filter(|(name, _)| varying.iter().any(|known| known == name));
    shown
        .map(|(name, value)| format!("{name}={}", tunesmith_view::figures::short_value(value)))
        .collect::<Vec<_>>()
        .join(" ")
}
