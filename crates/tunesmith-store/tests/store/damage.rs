//! Damaged journals of Optuna's and damaged events, as they come over HTTP and out of databases.

use tunesmith_core::{Budget, Revision, Storage, Study, Timestamp, Writer, wire};
use tunesmith_store::Memory;
use tunesmith_store::optuna::{import, read_journal};

use crate::mutations::survive;
use crate::search::{Search, config};

#[test]
fn a_damaged_journal_is_refused_or_becomes_a_study() {
    let journal = include_bytes!("golden/optuna.journal").to_vec();
    let lines: Vec<&[u8]> = journal.split(|byte| *byte == b'\n').collect();
    let begun = lines[..20].join(&b'\n');
    survive(&[journal, begun], |input| {
        let Ok(studies) = read_journal(&String::from_utf8_lossy(input)) else { return };
        for foreign in &studies {
            if let Ok(imported) = import(foreign, &foreign.name) {
                let created = Study::created(&imported.config, &Writer::new("test"), Timestamp(1));
                let log = std::iter::once(&created).chain(&imported.events);
                Study::fold(log).expect("what is imported folds");
                for event in &imported.events {
                    let line = wire::event_to_json(event);
                    assert_eq!(wire::event_from_json(&line).expect("our own line"), *event);
                }
            }
        }
    });
}

#[test]
fn a_damaged_event_is_refused_or_says_the_same_when_it_is_written_again() {
    let storage = Memory::new();
    let mut config = config("damage");
    config.budget = Budget { trials: Some(3), ..Budget::default() };
    let id = storage.create(&config, &Writer::new("a"), Timestamp(1)).expect("new");
    let mut search_of = |_: &[_]| {};
    let mut search = Search::resume(&storage, id, "host/boot/1/1", &mut search_of);
    search.ask_and_release();
    search.run();
    let log = storage.read(id, Revision(0), u32::MAX).expect("readable");
    let corpus: Vec<Vec<u8>> =
        log.iter().map(|event| wire::event_to_json(event).into_bytes()).collect();
    survive(&corpus, |input| {
        let Ok(event) = wire::event_from_json(&String::from_utf8_lossy(input)) else { return };
        let line = wire::event_to_json(&event);
        let again = wire::event_from_json(&line).expect("our own line");
        assert_eq!(wire::event_to_json(&again), line);
        // A log that begins with it is refused or folds.
        drop(Study::fold([&event]));
    });
}
