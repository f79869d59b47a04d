//! Sets rows aside for validation or test where there is no file for them.
//!
//! Classes keep their shares. The choice is a pure function of (labels, count, seed); it never looks
//! at the texts.

use std::collections::BTreeMap;

use super::dataset::Labels;
use super::order::Order;

/// Row numbers kept and set aside, each in file order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// Rows that stay.
    pub(super) kept: Vec<u32>,
    /// Rows set aside.
    pub(super) aside: Vec<u32>,
}

/// Sets `wanted` of `rows` aside (fewer where a class would lose its last row).
///
/// Each class gives its share, rounded by largest remainder, ties to the lower class; scores count
/// as one class.
pub(super) fn set_aside(labels: &Labels, rows: &[u32], wanted: usize, seed: u64) -> Parts {
    let strata = strata(labels, rows);
    let shares = shares(&strata, rows.len(), wanted);
    let mut aside = Vec::with_capacity(wanted);
    for (number, (stratum, share)) in strata.iter().zip(shares).enumerate() {
        let order = Order::shuffled(stratum.len(), seed, number as u64);
        aside.extend(order.rows().iter().take(share).map(|place| stratum[*place as usize]));
    }
    aside.sort_unstable();
    let kept = rows.iter().copied().filter(|row| aside.binary_search(row).is_err()).collect();
    Parts { kept, aside }
}

/// The rows of each class.
fn strata(labels: &Labels, rows: &[u32]) -> Vec<Vec<u32>> {
    match labels {
        Labels::Scores(_) => vec![rows.to_vec()],
        Labels::Classes(classes) => {
            let mut strata: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for row in rows {
                strata.entry(classes[*row as usize]).or_default().push(*row);
            }
            strata.into_values().collect()
        }
    }
}

/// How many rows each stratum gives.
fn shares(strata: &[Vec<u32>], rows: usize, wanted: usize) -> Vec<usize> {
    let exact = |stratum: &Vec<u32>| stratum.len() * wanted;
    let mut shares: Vec<usize> = strata.iter().map(|stratum| exact(stratum) / rows).collect();
    let mut by_remainder: Vec<usize> = (0..strata.len()).collect();
    by_remainder.sort_by_key(|place| std::cmp::Reverse(exact(&strata[*place]) % rows));
    let missing = wanted - shares.iter().sum::<usize>();
    for place in by_remainder.into_iter().take(missing) {
        shares[place] += 1;
    }
    for (share, stratum) in shares.iter_mut().zip(strata) {
        *share = (*share).min(stratum.len().saturating_sub(1));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(counts: &[usize]) -> Labels {
        let runs = counts.iter().enumerate();
        Labels::Classes(runs.flat_map(|(class, count)| vec![class as u32; *count]).collect())
    }

    fn count(labels: &Labels, rows: &[u32], class: u32) -> usize {
        let Labels::Classes(classes) = labels else {
            return 0;
        };
        rows.iter().filter(|row| classes[**row as usize] == class).count()
    }

    #[test]
    fn keeps_the_shares_of_the_classes() {
        let labels = classes(&[80, 15, 5]);
        let rows: Vec<u32> = (0..100).collect();
        let parts = set_aside(&labels, &rows, 20, 7);
        let counts = [0, 1, 2].map(|class| count(&labels, &parts.aside, class));
        assert_eq!(counts, [16, 3, 1]);
        let mut all = [parts.kept.clone(), parts.aside.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, rows);
        assert!(parts.kept.is_sorted() && parts.aside.is_sorted());
    }

    #[test]
    fn depends_on_the_seed_and_on_nothing_else() {
        let labels = classes(&[50, 50]);
        let rows: Vec<u32> = (0..100).collect();
        assert_eq!(set_aside(&labels, &rows, 10, 1), set_aside(&labels, &rows, 10, 1));
        assert_ne!(set_aside(&labels, &rows, 10, 1), set_aside(&labels, &rows, 10, 2));
    }

    #[test]
    fn never_takes_the_last_row_of_a_class() {
        let labels = classes(&[9, 1]);
        let parts = set_aside(&labels, &(0..10).collect::<Vec<_>>(), 9, 3);
        assert_eq!(count(&labels, &parts.kept, 1), 1);
        assert_eq!(count(&labels, &parts.kept, 0), 1);
    }
}
