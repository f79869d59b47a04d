//! Numbers as text without loss: the sixteen hexadecimal digits of each, one after another.
//!
//! Refuses to be read by people: a note that holds a matrix should be small.

use std::fmt::Write as _;

const DIGITS: usize = 16;

pub(super) fn write(numbers: &[f64]) -> String {
    let mut text = String::with_capacity(DIGITS * numbers.len());
    for number in numbers {
        let written = write!(text, "{:016x}", number.to_bits());
        debug_assert!(written.is_ok(), "writing to a String succeeds");
    }
    text
}

/// `None` where the text is not one of [`write`]'s.
pub(super) fn read(text: &str) -> Option<Vec<f64>> {
    if !text.is_ascii() || !text.len().is_multiple_of(DIGITS) {
        return None;
    }
    (0..text.len() / DIGITS)
        .map(|index| {
            let digits = &text[index * DIGITS..(index + 1) * DIGITS];
            u64::from_str_radix(digits, 16).ok().map(f64::from_bits)
        })
        .collect()
}
