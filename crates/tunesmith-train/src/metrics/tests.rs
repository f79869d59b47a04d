//! Numbers from scikit-learn 1.x and scipy 1.x on the sequences that `draws` makes.

use super::*;

/// The generator that the reference script used.
fn draws(count: usize, seed: u64) -> Vec<u32> {
    let mut state = seed;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state >> 16) as u32
    };
    (0..count).map(|_| next()).collect()
}

fn classes(count: usize) -> Target {
    Target::Classes((0..count).map(|class| class.to_string()).collect())
}

/// Labels, and predictions of which a third is wrong.
fn case(classes: u32, labels_seed: u64, errors_seed: u64) -> (Labels, Labels) {
    let labels: Vec<u32> = draws(60, labels_seed).iter().map(|draw| draw % classes).collect();
    let errors = draws(60, errors_seed);
    let said = labels.iter().zip(errors);
    let said = said.map(|(&is, draw)| if draw % 3 == 0 { (is + 1) % classes } else { is });
    (Labels::Classes(said.collect()), Labels::Classes(labels))
}

fn assert_close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
}

#[test]
fn agrees_with_scikit_learn_on_classes() {
    let expected = [
        (2, 1, 2, [0.733_333_333_333_333_3, 0.741_935_483_870_967_7, 0.467_707_173_346_742_67]),
        (3, 3, 4, [0.7, 0.697_848_517_397_389_7, 0.550_553_973_262_526]),
        (5, 5, 6, [0.616_666_666_666_666_7, 0.625_485_801_756_218_3, 0.522_668_971_852_595_3]),
    ];
    for (count, labels_seed, errors_seed, values) in expected {
        let (said, is) = case(count, labels_seed, errors_seed);
        let metrics = [Metric::Accuracy, Metric::F1, Metric::Matthews];
        for (metric, value) in metrics.into_iter().zip(values) {
            assert_close(metric.score(&classes(count as usize), &said, &is).unwrap(), value);
        }
    }
}

#[test]
fn leaves_absent_classes_out_of_the_macro_mean() {
    let said = Labels::Classes(vec![0, 1, 3, 3]);
    let is = Labels::Classes(vec![0, 1, 1, 3]);
    assert_close(Metric::F1.score(&classes(5), &said, &is).unwrap(), 0.777_777_777_777_777_7);
    assert_close(Metric::Matthews.score(&classes(5), &said, &is).unwrap(), 0.7);
}

#[test]
fn gives_scikit_learns_zeros_where_it_divides_by_zero() {
    let ones = Labels::Classes(vec![1; 4]);
    let zeros = Labels::Classes(vec![0; 4]);
    let mixed = Labels::Classes(vec![0, 1, 1, 0]);
    assert_close(Metric::F1.score(&classes(2), &ones, &mixed).unwrap(), 2.0 / 3.0);
    assert_close(Metric::Matthews.score(&classes(2), &ones, &mixed).unwrap(), 0.0);
    assert_close(Metric::F1.score(&classes(2), &zeros, &zeros).unwrap(), 0.0);
    assert_close(Metric::Matthews.score(&classes(2), &zeros, &zeros).unwrap(), 0.0);
}

#[test]
fn agrees_with_scipy_on_scores_with_ties() {
    let is: Vec<f32> =
        draws(50, 7).iter().map(|draw| (f64::from(draw % 51) / 10.0) as f32).collect();
    let noise = draws(50, 8);
    let said = is
        .iter()
        .zip(noise)
        .map(|(value, draw)| (f64::from(*value) + (f64::from(draw % 21) - 10.0) / 10.0) as f32);
    let (said, is) = (Labels::Scores(said.collect()), Labels::Scores(is));
    let value = |metric: Metric| metric.score(&Target::Regression, &said, &is).unwrap();
    assert!((value(Metric::Pearson) - 0.918_812_250_470_460_6).abs() < 1e-8);
    assert_close(value(Metric::Spearman), 0.884_135_622_180_530_8);
    assert!((value(Metric::MeanSquaredError) - 0.464_000_021_547_083_3).abs() < 1e-7);
}

#[test]
fn says_when_a_correlation_is_undefined() {
    let constant = Labels::Scores(vec![0.1; 7]);
    let varied = Labels::Scores((0..7).map(|value| value as f32).collect());
    let broken = Labels::Scores(vec![0.0, 1.0, f32::NAN, 3.0, 4.0, 5.0, 6.0]);
    let undefined = |constant| Err(MetricError::Undefined { metric: Metric::Pearson, constant });
    let pearson = |said, is| Metric::Pearson.score(&Target::Regression, said, is);
    assert_eq!(pearson(&constant, &varied), undefined(Side::Predictions));
    assert_eq!(pearson(&varied, &constant), undefined(Side::Labels));
    assert_eq!(pearson(&broken, &varied), undefined(Side::Predictions));
    assert!(Metric::Spearman.score(&Target::Regression, &constant, &varied).is_err());
}

#[test]
fn refuses_what_does_not_fit() {
    let classes_said = Labels::Classes(vec![0, 1]);
    let scores = Labels::Scores(vec![0.0, 1.0]);
    assert_eq!(
        Metric::Pearson.score(&classes(2), &classes_said, &classes_said),
        Err(MetricError::WrongTarget { metric: Metric::Pearson })
    );
    assert_eq!(
        Metric::F1.score(&Target::Regression, &scores, &scores),
        Err(MetricError::WrongTarget { metric: Metric::F1 })
    );
    let none = Labels::Classes(Vec::new());
    assert_eq!(
        Metric::Accuracy.score(&classes(2), &none, &none),
        Err(MetricError::NoRows { metric: Metric::Accuracy })
    );
    assert!(Metric::Accuracy.score(&classes(2), &classes_said, &Labels::Classes(vec![1])).is_err());
}

#[test]
fn is_found_by_name_with_and_without_prefix() {
    for metric in Metric::ALL {
        assert_eq!(Metric::named(metric.name()), Some(metric));
        assert_eq!(Metric::named(&metric.name()[5..]), Some(metric));
    }
    assert_eq!(Metric::named("eval_bleu"), None);
}
