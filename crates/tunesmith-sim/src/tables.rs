//! Objectives of recorded trainings, read from a data directory; each module names its source. Refuses to copy
//! and to fetch data.

mod neighbours;
pub(crate) mod nmt;
pub(crate) mod opda;
mod read;
pub(crate) mod taskset;

pub use read::ReadError;

#[cfg(test)]
mod tests {
    use tunesmith_core::Rng;

    use super::nmt::Nmt;
    use super::opda::Opda;
    use super::taskset::TaskSet;
    use crate::objective::Objective;
    use crate::scale::Scale;

    fn values(objective: &dyn Objective, count: u32) -> Vec<Option<f64>> {
        let draw = |number| objective.space().sample(&Rng::at(0, number, "test"));
        (0..count).map(|number| objective.value(&draw(number))).collect()
    }

    #[test]
    fn a_quarter_of_the_space_of_deberta_diverges_and_the_best_is_what_was_recorded() {
        let Some(data) = crate::real_data() else { return };
        let opda = Opda::read(&data).expect("the table");
        assert_eq!(opda.landmarks().len(), 1_024);
        assert!(opda.landmarks().iter().all(|params| opda.space().check(params).is_ok()));
        let values = values(&opda, 1_000);
        let diverged = values.iter().filter(|value| value.is_some_and(|value| value < 0.6)).count();
        assert!((200..320).contains(&diverged), "{diverged}");
        let scale = Scale::of(&opda);
        assert!((0.885..0.892).contains(&scale.best), "{scale:?}");
        assert!((0.85..0.885).contains(&scale.typical), "{scale:?}");
    }

    #[test]
    fn the_grids_of_translation_are_whole_and_looked_up_exactly() {
        let Some(data) = crate::real_data() else { return };
        for (model, best) in [("bloomz", 2.212_387), ("xglm", 2.223_198)] {
            let nmt = Nmt::read(&data, model).expect("the table");
            let points: Vec<u64> = nmt
                .space()
                .searched()
                .filter_map(|parameter| parameter.domain()?.cardinality())
                .collect();
            assert_eq!(points, [3, 3, 3, 3]);
            assert!(values(&nmt, 200).iter().all(Option::is_some));
            assert!((Scale::of(&nmt).best - best).abs() < 1e-5);
        }
        assert!(Nmt::read(&data, "gpt").is_err());
    }

    #[test]
    fn what_broke_down_in_taskset_breaks_down_here() {
        let Some(data) = crate::real_data() else { return };
        let rnn = TaskSet::read(&data, "patch32_IRNN64_relu_last_bs128").expect("the table");
        assert!(rnn.landmarks().len() > 990);
        let values = values(&rnn, 1_000);
        let broken = values.iter().filter(|value| value.is_none()).count();
        assert!((150..350).contains(&broken), "{broken}");
        assert!((0.49..0.56).contains(&Scale::of(&rnn).best), "{:?}", Scale::of(&rnn));
    }

    #[test]
    fn a_missing_directory_says_what_to_give() {
        let error = Opda::read(std::path::Path::new("nowhere")).expect_err("no file");
        assert!(error.to_string().contains("--data"), "{error}");
    }
}
