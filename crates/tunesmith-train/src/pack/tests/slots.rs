//! A slot in a pack of eight against the same trial alone, dropout on, everything different: the
//! same bits.

use super::*;
use crate::op::matrix::Write;

const SLOTS: usize = 8;

/// Batch sizes, rates and seeds that differ by slot.
fn noise(slot: usize, step: u64) -> Noise {
    let part = slot as f32 / 20.0;
    Noise {
        seed: 100 + slot as u64,
        step,
        hidden: part,
        attention: 0.3 - part / 2.0,
        classifier: 0.1,
        adapter: part,
    }
}

fn batch(slot: usize, step: u64) -> Batch {
    let rows = (0..2 + slot)
        .map(|row| {
            let length = 3 + (row * 5 + slot * 3 + step as usize * 7) % 17;
            let ids = (0..length)
                .map(|i| (1 + (i * 13 + row * 7 + slot + step as usize) % 110) as u32)
                .collect();
            Row { ids, type_ids: (0..length).map(|i| u8::from(i > length / 2)).collect() }
        })
        .collect();
    Batch { rows, labels: (0..2 + slot).map(|row| ((row + slot) % 3) as f64).collect() }
}

/// Over a thousand tokens.
fn large_batch(slot: usize, step: u64) -> Batch {
    let small = batch(slot, step);
    let longer = |(i, row): (usize, &Row)| {
        let ids: Vec<u32> = row.ids.iter().copied().cycle().take(40 + i).collect();
        Row { type_ids: vec![0; ids.len()], ids }
    };
    let rows = small.rows.iter().cycle().take(24).enumerate().map(longer).collect();
    Batch { rows, labels: (0..24).map(|i| f64::from(i % 3)).collect() }
}

fn train(pack: &mut Pack, slots: &[(usize, usize)], steps: u64) -> Vec<Vec<f64>> {
    train_on(pack, slots, steps, batch)
}

/// Trains `slots`, pairs of slot and trial, on the batches of each trial and step.
fn train_on(
    pack: &mut Pack,
    slots: &[(usize, usize)],
    steps: u64,
    batch: fn(usize, u64) -> Batch,
) -> Vec<Vec<f64>> {
    let mut losses = vec![Vec::new(); slots.len()];
    for step in 1..=steps {
        let batches: Vec<Batch> = slots.iter().map(|(_, trial)| batch(*trial, step)).collect();
        let works: Vec<Work<'_>> = slots
            .iter()
            .zip(&batches)
            .map(|((slot, trial), batch)| batch.work(*slot, noise(*trial, step)))
            .collect();
        let aims: Vec<Aim<'_>> = batches.iter().map(|batch| plain(batch.answers(3))).collect();
        let step_losses = pack.gradients(&works, &aims, Write::Replace).expect("a step");
        step_losses.iter().zip(&mut losses).for_each(|(loss, all)| all.push(*loss));
        let factors = vec![1.0; pack.config.layers + 2];
        let rates: Vec<Rates> = slots
            .iter()
            .map(|(slot, trial)| rates(*slot, 1e-3 * (1.0 + *trial as f64), step, factors.clone()))
            .collect();
        pack.update(&rates).expect("an update");
    }
    losses
}

fn check(plan: &Plan) {
    let (config, source) = load("bert");
    let mut together = new_pack(&config, plan, SLOTS, &source);
    let all: Vec<(usize, usize)> = (0..SLOTS).map(|slot| (slot, slot)).collect();
    for slot in 0..SLOTS {
        together.fill(slot, &source, slot as u64).expect("filled");
        together.scales[slot] = 1.0 + slot as f32 / 2.0;
    }
    let packed = train(&mut together, &all, 6);
    for (slot, losses) in packed.into_iter().enumerate() {
        let mut alone = new_pack(&config, plan, 1, &source);
        alone.fill(0, &source, slot as u64).expect("filled");
        alone.scales[0] = 1.0 + slot as f32 / 2.0;
        let solo = train(&mut alone, &[(0, slot)], 6).remove(0);
        assert_eq!(losses, solo, "losses of slot {slot}");
        assert!(weights(&together, slot) == weights(&alone, 0), "weights of slot {slot}");
    }
}

/// The bits of a slot's trained weights.
fn weights(pack: &Pack, slot: usize) -> Vec<u32> {
    let row = slot * pack.layout.stride..(slot + 1) * pack.layout.stride;
    let bits = |all: &[f32]| all[row].iter().map(|weight| weight.to_bits()).collect();
    crate::op::read(&pack.weights, bits).expect("on the CPU")
}

#[test]
fn a_slot_equals_its_solo_run() {
    check(&full(3));
}

#[test]
fn a_slot_with_lora_equals_its_solo_run() {
    check(&Plan { lora: Some((4, targets("all-linear"))), ..full(3) });
}

#[test]
fn a_slot_of_large_products_equals_its_solo_run() {
    // A pack of one spreads each product over the threads, a pack of several spreads the slots.
    let shape = serde_json::json!({"layers": 2, "hidden": 128, "heads": 4, "vocabulary": 120});
    let shape = serde_json::from_value(shape).expect("a shape");
    let config = EncoderConfig::from_scratch(&shape, 120, 0).expect("a config");
    let slots = [(0, 2), (1, 5)];
    let mut together = new_pack(&config, &full(3), 2, &Source::Random);
    for (slot, trial) in slots {
        together.fill(slot, &Source::Random, trial as u64).expect("filled");
    }
    let packed = train_on(&mut together, &slots, 3, large_batch);
    for (slot, trial) in slots {
        let mut alone = new_pack(&config, &full(3), 1, &Source::Random);
        alone.fill(0, &Source::Random, trial as u64).expect("filled");
        let solo = train_on(&mut alone, &[(0, trial)], 3, large_batch).remove(0);
        assert_eq!(packed[slot], solo, "losses of slot {slot}");
        assert!(weights(&together, slot) == weights(&alone, 0), "weights of slot {slot}");
    }
}

#[test]
fn a_slot_that_is_filled_again_forgets_its_last_trial() {
    let (config, source) = load("bert");
    let mut pack = new_pack(&config, &full(3), 2, &source);
    pack.fill(1, &source, 5).expect("filled");
    let first = train(&mut pack, &[(1, 3)], 3);
    pack.fill(1, &source, 5).expect("filled again");
    assert_eq!(train(&mut pack, &[(1, 3)], 3), first);
}

#[test]
fn nan_in_one_slot_does_not_touch_its_neighbours() {
    let (config, source) = load("bert");
    let run = |poison: bool| {
        let mut pack = new_pack(&config, &full(3), 2, &source);
        pack.fill(0, &source, 5).expect("filled");
        pack.fill(1, &source, 6).expect("filled");
        if poison {
            let named =
                pack.layout.named.iter().find(|named| named.name == "classifier.weight").cloned();
            let named = named.expect("a classifier");
            pack.set_tensor(1, &named, &vec![f32::NAN; 96]).expect("set");
        }
        train(&mut pack, &[(0, 0), (1, 1)], 3)
    };
    let (clean, poisoned) = (run(false), run(true));
    assert_eq!(clean[0], poisoned[0]);
    assert!(poisoned[1].iter().all(|loss| loss.is_nan()));
}
