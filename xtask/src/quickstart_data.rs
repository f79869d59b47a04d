//! Writes the quickstart's data: support tickets, and the desk that each should go to.
//!
//! A ticket mentions one topic that is a problem and up to two that are not ("the invoice is fine, but
//! the parcel never came"), so words alone name the desk in some tickets only; in the others a model must
//! see which topic the complaint belongs to. Sentences come from the tables of [`words`] and a counter,
//! hence every run writes the same bytes. It imitates no real person's text and downloads nothing.

#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use words::{DESKS, Desk};

const TRAIN_ROWS: usize = 2_000;
const VALIDATION_ROWS: usize = 400;
const SEED: u64 = 20_261_121;

/// Writes `train.tsv` and `validation.tsv` under `examples/quickstart`. No ticket is in both, or twice.
pub(crate) fn write(root: &Path) -> Result<bool> {
    let folder = root.join("examples/quickstart");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let rows = rows(TRAIN_ROWS + VALIDATION_ROWS);
    let (train, validation) = rows.split_at(TRAIN_ROWS);
    for (name, rows) in [("train.tsv", train), ("validation.tsv", validation)] {
        let path = folder.join(name);
        std::fs::write(&path, table(rows))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{} rows in {}", rows.len(), path.display());
    }
    Ok(true)
}

/// A ticket and the desk that it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    text: String,
    label: &'static str,
}

fn rows(count: usize) -> Vec<Row> {
    let mut chance = Chance(SEED);
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count {
        // Desks take turns, so the classes are balanced.
        let row = ticket(&mut chance, rows.len() % DESKS.len());
        if seen.insert(row.text.clone()) {
            rows.push(row);
        }
    }
    chance.shuffle(&mut rows);
    rows
}

fn table(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| format!("{}\t{}\n", row.text, row.label));
    std::iter::once("text\tlabel\n".to_owned()).chain(lines).collect()
}

fn ticket(chance: &mut Chance, desk: usize) -> Row {
    let mut clauses = vec![complaint(chance, &DESKS[desk])];
    let others = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2][chance.below(10)];
    let mut free: Vec<usize> = (0..DESKS.len()).filter(|other| *other != desk).collect();
    chance.shuffle(&mut free);
    clauses.extend(free[..others].iter().map(|other| praise(chance, &DESKS[*other])));
    chance.shuffle(&mut clauses);
    let mut text = join(chance, &clauses);
    if chance.below(3) > 0 {
        text = format!("{} {text}", chance.pick(words::OPENINGS));
    }
    if chance.below(3) == 0 {
        text = format!("{text} {}", chance.pick(words::CLOSINGS));
    }
    Row { text, label: DESKS[desk].label }
}

/// Three complaints of ten could be about anything, and are told apart by their topic alone.
fn complaint(chance: &mut Chance, desk: &Desk) -> String {
    let topic = chance.pick(desk.topics);
    let trouble = if chance.below(10) < 7 {
        chance.pick(desk.troubles)
    } else {
        chance.pick(words::TROUBLES)
    };
    format!("{topic} {trouble}")
}

fn praise(chance: &mut Chance, desk: &Desk) -> String {
    format!("{} {}", chance.pick(desk.topics), chance.pick(words::COMFORTS))
}

fn join(chance: &mut Chance, clauses: &[String]) -> String {
    let mut text = String::new();
    for (index, clause) in clauses.iter().enumerate() {
        if index > 0 {
            text.push_str(chance.pick(words::JOINTS));
        }
        text.push_str(clause);
    }
    text
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every platform.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; the bias of the remainder is nothing at these sizes.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
