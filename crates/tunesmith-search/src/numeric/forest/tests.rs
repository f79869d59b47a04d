//! Trees against scikit-learn's, and what holds of boxes.

use super::*;

const WHOLE: Settings = Settings {
    trees: 1,
    bootstrap: false,
    least_split: 2,
    least_leaf: 1,
    most_depth: 64,
    cut: Cut::Middle,
};

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/golden/forest.json")).expect("JSON")
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn table(value: &serde_json::Value) -> Vec<Vec<f64>> {
    value.as_array().expect("a list").iter().map(numbers).collect()
}

#[test]
fn a_tree_is_scikit_learns() {
    let golden = golden();
    let (rows, targets) = (table(&golden["rows"]), numbers(&golden["targets"]));
    let points = table(&golden["points"]);
    for case in golden["trees"].as_array().expect("cases") {
        let whole = |name: &str| case[name].as_u64().expect("a count") as usize;
        let settings = Settings {
            least_leaf: whole("min_samples_leaf"),
            least_split: whole("min_samples_split"),
            most_depth: whole("max_depth"),
            ..WHOLE
        };
        // The columns beyond max_features are not looked at.
        let features = vec![Feature::Numeric; whole("max_features")];
        let forest = Forest::fit(&features, &rows, &targets, &settings, &Rng::at(1, 0, "tree"));
        let leaves = forest.trees[0].leaves(&features);
        assert_eq!(leaves.len(), whole("leaves"), "{case}");
        for (point, expected) in points.iter().zip(numbers(&case["predictions"])) {
            let found = forest.predict(point).mean;
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected} at {point:?}");
        }
    }
}

fn mixed(count: u32) -> (Vec<Vec<f64>>, Vec<f64>) {
    let rows: Vec<Vec<f64>> = (0..count)
        .map(|index| {
            let mut rng = Rng::at(5, index, "rows");
            vec![rng.uniform(), rng.below(5) as f64, rng.uniform()]
        })
        .collect();
    // Categories 1 and 4 are low, whatever their numbers.
    let target = |row: &Vec<f64>| {
        let low = row[1] == 1.0 || row[1] == 4.0;
        row[0] + if low { -10.0 } else { 10.0 }
    };
    let targets = rows.iter().map(target).collect();
    (rows, targets)
}

const MIXED: [Feature; 3] = [Feature::Numeric, Feature::Categorical(5), Feature::Numeric];

#[test]
fn categories_are_cut_into_the_best_sets() {
    let (rows, targets) = mixed(100);
    let once = Settings { most_depth: 1, ..WHOLE };
    let forest = Forest::fit(&MIXED, &rows, &targets, &once, &Rng::at(1, 0, "sets"));
    let leaves = forest.trees[0].leaves(&MIXED);
    assert_eq!(leaves.len(), 2);
    assert_eq!(leaves[0].sides[1], Side::Set(vec![false, true, false, false, true]));
    assert_eq!(leaves[1].sides[1], Side::Set(vec![true, false, true, true, false]));
    assert!(leaves[0].mean < -9.0 && leaves[1].mean > 10.0);
}

#[test]
fn boxes_are_a_partition_with_the_trees_own_values() {
    let (rows, targets) = mixed(80);
    let settings = Settings { trees: 4, bootstrap: true, cut: Cut::Random, ..WHOLE };
    let forest = Forest::fit(&MIXED, &rows, &targets, &settings, &Rng::at(2, 0, "boxes"));
    for tree in &forest.trees {
        let leaves = tree.leaves(&MIXED);
        assert_eq!(leaves.iter().map(|leaf| leaf.weight).sum::<f64>(), 80.0);
        for row in &rows {
            let holds = |side: &Side, value: f64| match side {
                Side::Range { low, high } => *low < value && value <= *high,
                Side::Set(set) => set[value as usize],
            };
            let within =
                |leaf: &&Leaf| leaf.sides.iter().zip(row).all(|(side, value)| holds(side, *value));
            let found: Vec<&Leaf> = leaves.iter().filter(within).collect();
            assert_eq!(found.len(), 1, "{row:?} lies in {} boxes", found.len());
            assert_eq!(found[0].mean, tree.predict(row).mean);
        }
    }
}

#[test]
fn uncertainty_is_small_at_rows_and_large_between() {
    let rows: Vec<Vec<f64>> = (0..10).map(|index| vec![f64::from(index) / 30.0]).collect();
    let targets: Vec<f64> = rows.iter().map(|row| 3.0 * row[0]).collect();
    let rows = [rows, vec![vec![1.0]]].concat();
    let targets = [targets, vec![9.0]].concat();
    let settings = Settings { trees: 50, bootstrap: true, cut: Cut::Random, ..WHOLE };
    let forest = Forest::fit(&[Feature::Numeric], &rows, &targets, &settings, &Rng::at(3, 0, "f"));
    let (near, between) = (forest.predict(&[0.1]), forest.predict(&[0.7]));
    assert!((near.mean - 0.3).abs() < 0.1, "{near:?}");
    assert!(between.variance > 50.0 * near.variance, "{between:?} against {near:?}");
}

#[test]
fn degenerate_tables_give_flat_trees() {
    let rng = Rng::at(4, 0, "flat");
    let flat = Forest::fit(&[Feature::Numeric], &[vec![0.5], vec![0.7]], &[2.0, 2.0], &WHOLE, &rng);
    assert_eq!(flat.predict(&[0.1]), Prediction { mean: 2.0, variance: 0.0 });
    let same = Forest::fit(&[Feature::Numeric], &[vec![0.5], vec![0.5]], &[1.0, 3.0], &WHOLE, &rng);
    assert_eq!(same.predict(&[0.9]), Prediction { mean: 2.0, variance: 1.0 });
    let settings = Settings { bootstrap: true, trees: 3, ..WHOLE };
    let none = Forest::fit(&[Feature::Categorical(3)], &[], &[], &settings, &rng);
    assert_eq!(none.predict(&[1.0]), Prediction { mean: 0.0, variance: 0.0 });
}
