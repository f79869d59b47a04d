//! The known name that somebody probably meant. Refuses to guess where nothing is near.

/// The known name with the fewest edits from `name`; `None` where more than a third of it would change.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let most = name.len().div_ceil(3);
    known
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, one row at a time.
fn distance(left: &[char], right: &str) -> usize {
    let mut row: Vec<usize> = (0..=left.len()).collect();
    for (line, there) in right.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, here) in left.iter().enumerate() {
            let substituted = diagonal + usize::from(*here != there);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[left.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["grid", "random", "sobol"];
        assert_eq!(nearest("radnom", known), Some("random"));
        assert_eq!(nearest("Sobel", known), Some("sobol"));
        assert_eq!(nearest("gird", known), Some("grid"));
        assert_eq!(nearest("hyperband", known), None);
        assert_eq!(nearest("", known), None);
    }
}
