//! The nearest known name to a mistyped one, for error messages.

/// The name with the fewest edits, where a third of the letters or fewer differ.
pub(super) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let distance = |other: &String| edits(&name.to_lowercase(), &other.to_lowercase());
    let best = known.iter().min_by_key(|other| distance(other))?;
    let allowed = name.chars().count().max(best.chars().count()).div_ceil(3);
    (distance(best) <= allowed).then_some(best)
}

/// Insertions, deletions and substitutions between two names (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (deleted, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = deleted + 1;
        for (place, other) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = substituted.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typos_and_leaves_strangers_alone() {
        let known = ["sentence1", "sentence2", "label"].map(String::from);
        assert_eq!(nearest("sentense2", &known), Some("sentence2"));
        assert_eq!(nearest("Label", &known), Some("label"));
        assert_eq!(nearest("text", &known), None);
        assert_eq!(nearest("text", &[]), None);
    }

    #[test]
    fn counts_edits() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }
}
