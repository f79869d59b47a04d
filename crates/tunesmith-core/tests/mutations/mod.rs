//! Inputs that nobody would write: what somebody did write, damaged by a seed. Whatever reads such input must take it or
//! refuse it, and never panic. A test plays some thousand seeds; `TUNESMITH_FUZZ_SECONDS` lets it go on for longer, and
//! `TUNESMITH_FUZZ_FIRST` begins with another seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Seeds that are played where nobody says how long.
const SEEDS: u64 = 3_000;
/// The most damage that one input suffers.
const MOST_WOUNDS: u64 = 8;
/// Bytes that mean something to some reader, and others that mean nothing to any.
const BYTES: &[u8] = b"\"'{}[]:,-+.\\/#&*!|>%@`$ \n\t\r\0\x7f\x80\xff\xc3eE019NTn";
/// Words that readers trip over.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e309",
    "-1e-309",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    "1.7976931348623157e308",
    "\"\\ud800\"",
    "[]",
    "{}",
    "\u{feff}",
    "0x10",
    "~",
    "<<",
    "*a",
    "&a",
    "${x}",
    "%s",
];

/// Hands one damaged input after another to a reader.
pub(crate) fn survive(corpus: &[Vec<u8>], mut reader: impl FnMut(&[u8])) {
    let told = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let until =
        told("TUNESMITH_FUZZ_SECONDS").map(|told| Instant::now() + Duration::from_secs(told));
    let first = told("TUNESMITH_FUZZ_FIRST").unwrap_or(0);
    for whole in corpus {
        reader(whole);
    }
    let mut seed = first;
    while until.map_or(seed < first + SEEDS, |until| Instant::now() < until) {
        let input = damaged(corpus, seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| reader(&input)));
        assert!(
            outcome.is_ok(),
            "seed {seed} is not survived:\n{}",
            String::from_utf8_lossy(&input)
        );
        seed += 1;
    }
    println!("{} inputs survived", seed - first);
}

fn damaged(corpus: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
    let mut input = chance.pick(corpus).clone();
    for _ in 0..=chance.below(MOST_WOUNDS) {
        wound(&mut input, corpus, &mut chance);
    }
    input
}

fn wound(input: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut Chance) {
    let (from, to) = chance.range(input.len());
    match chance.below(9) {
        0 => input.truncate(from),
        1 => drop(input.drain(from..to)),
        2 => {
            let again = input[from..to].to_vec();
            splice(input, to, &again);
        }
        3 => {
            let other = chance.pick(corpus);
            let (other_from, other_to) = chance.range(other.len());
            splice(input, from, &other[other_from..other_to]);
        }
        4 => splice(input, from, chance.pick(WORDS).as_bytes()),
        5 => {
            // A number becomes another one.
            let digits = |byte: &u8| byte.is_ascii_digit() || b".-e".contains(byte);
            let start = input.iter().skip(from).position(digits).map_or(from, |at| from + at);
            let length = input[start..].iter().take_while(|byte| digits(byte)).count();
            drop(input.splice(start..start + length, chance.pick(WORDS).bytes()));
        }
        6 => {
            let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
            let (left, right) =
                (chance.below(lines.len() as u64), chance.below(lines.len() as u64));
            lines.swap(left as usize, right as usize);
            *input = lines.join(&b'\n');
        }
        7 if from < input.len() => input[from] ^= 1 << chance.below(8),
        _ => splice(input, from, &[*chance.pick(BYTES)]),
    }
}

fn splice(input: &mut Vec<u8>, at: usize, more: &[u8]) {
    // Doubling what was doubled must not fill the memory.
    if input.len() < 1 << 18 {
        drop(input.splice(at..at, more.iter().copied()));
    }
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// A stretch of something so long; most are short.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length as u64 + 1) as usize;
        let most = if self.below(4) == 0 { length - from } else { (length - from).min(16) };
        (from, from + self.below(most as u64 + 1) as usize)
    }
}
