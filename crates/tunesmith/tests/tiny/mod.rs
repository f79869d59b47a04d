//! A study that trains in the blink of an eye: a few rows that a small encoder learns from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tunesmith_core::Rng;

/// Writes `study.yaml` and the rows for it.
pub(crate) fn prepare(folder: &Path, study: &str) {
    let words = ["good", "fine", "great", "bad", "poor", "awful", "film", "plot", "cast", "end"];
    for (name, rows, seed) in [("train.tsv", 64, 1), ("validation.tsv", 24, 2), ("test.tsv", 20, 3)]
    {
        let mut rng = Rng::at(seed, 0, "rows");
        let mut text = String::from("text\tlabel\n");
        for _ in 0..rows {
            let cue = rng.below(6) as usize;
            let label = if cue < 3 { "yes" } else { "no" };
            let mut fill = || words[6 + rng.below(4) as usize];
            let (first, second) = (fill(), fill());
            writeln!(text, "{first} {} {second}\t{label}", words[cue]).expect("text grows");
        }
        fs::write(folder.join(name), text).expect("a temporary folder is writable");
    }
    fs::write(folder.join("study.yaml"), study).expect("a temporary folder is writable");
}
