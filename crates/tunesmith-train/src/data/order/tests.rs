//! The order is a permutation, is stable across versions and platforms, and is addressable.

use super::*;

#[test]
fn shuffles_every_row_once() {
    for rows in [0, 1, 2, 7, 1000] {
        let mut seen = Order::shuffled(rows, 3, 1).rows().to_vec();
        seen.sort_unstable();
        assert_eq!(seen, (0..rows as u32).collect::<Vec<_>>());
    }
}

#[test]
fn stays_what_it_was() {
    // A change here makes resumed studies train on another order: it needs a new format version.
    assert_eq!(Order::shuffled(8, 42, 0).rows(), [7, 1, 2, 6, 4, 3, 0, 5]);
    assert_eq!(Order::shuffled(8, 42, 1).rows(), [1, 7, 4, 5, 3, 6, 0, 2]);
}

#[test]
fn differs_by_seed_and_epoch() {
    let base = Order::shuffled(100, 1, 0);
    assert_ne!(base, Order::shuffled(100, 2, 0));
    assert_ne!(base, Order::shuffled(100, 1, 1));
    assert_ne!(Order::shuffled(100, 2, 1), Order::shuffled(100, 1, 2));
}

#[test]
fn puts_every_row_everywhere() {
    // 6,000 shuffles of 6: each row is in each place about 1,000 times (standard deviation 29).
    let mut counts = [[0_u32; 6]; 6];
    for epoch in 0..6000 {
        for (place, row) in Order::shuffled(6, 9, epoch).rows().iter().enumerate() {
            counts[place][*row as usize] += 1;
        }
    }
    assert!(counts.iter().flatten().all(|count| count.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn cuts_batches_anywhere() {
    let order = Order::sequential(10);
    assert_eq!(order.batches(4), 3);
    assert_eq!(order.batch(4, 0), [0, 1, 2, 3]);
    assert_eq!(order.batch(4, 2), [8, 9]);
    assert!(order.batch(4, 3).is_empty());
    assert_eq!(Order::sequential(0).batches(4), 0);
    let shuffled = Order::shuffled(10, 5, 2);
    let joined: Vec<u32> = (0..3).flat_map(|batch| shuffled.batch(4, batch).to_vec()).collect();
    assert_eq!(joined, shuffled.rows());
}
