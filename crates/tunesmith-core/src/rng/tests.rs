//! The published vectors, and what an address promises.

use super::*;

#[test]
fn philox_gives_the_vectors_of_random123() {
    assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(
        philox([u32::MAX; 4], [u32::MAX; 2]),
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    );
    assert_eq!(
        philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn an_address_names_a_stream() {
    let draw = |mut rng: Rng| [rng.next_u64(), rng.next_u64(), rng.next_u64()];
    let here = draw(Rng::at(7, 3, "params"));
    assert_eq!(here, draw(Rng::at(7, 3, "params")));
    assert_ne!(here, draw(Rng::at(8, 3, "params")));
    assert_ne!(here, draw(Rng::at(7, 4, "params")));
    assert_ne!(here, draw(Rng::at(7, 3, "seed")));
}

#[test]
fn a_branch_does_not_depend_on_what_was_drawn() {
    let fresh = Rng::at(1, 2, "x");
    let mut used = fresh.clone();
    used.next_u32();
    assert_eq!(fresh.branch(5), used.branch(5));
    assert_ne!(fresh.branch(5), fresh.branch(6));
    assert_ne!(fresh.branch_named("a"), fresh.branch_named("b"));
}

#[test]
fn uniform_normal_and_below_have_their_moments() {
    let mut rng = Rng::at(42, 0, "moments");
    let count = 200_000;
    let (mut sum, mut normal_sum, mut normal_square) = (0.0, 0.0, 0.0);
    let mut dice = [0_u32; 6];
    for _ in 0..count {
        let uniform = rng.uniform();
        assert!((0.0..1.0).contains(&uniform));
        sum += uniform;
        let normal = rng.normal();
        normal_sum += normal;
        normal_square += normal * normal;
        dice[rng.below(6) as usize] += 1;
    }
    let count = f64::from(count);
    // Five standard errors each.
    assert!((sum / count - 0.5).abs() < 5.0 * (1.0 / 12.0_f64 / count).sqrt());
    assert!((normal_sum / count).abs() < 5.0 / count.sqrt());
    assert!((normal_square / count - 1.0).abs() < 5.0 * (2.0 / count).sqrt());
    for face in dice {
        let expected = count / 6.0;
        assert!((f64::from(face) - expected).abs() < 5.0 * (expected * 5.0 / 6.0).sqrt());
    }
}

#[test]
fn a_shuffle_is_a_permutation_and_moves_things() {
    let mut items: Vec<u32> = (0..50).collect();
    Rng::at(3, 0, "shuffle").shuffle(&mut items);
    assert_ne!(items, (0..50).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..50).collect::<Vec<_>>());
}
