//! A stage on which threads act one at a time, in an order that a seed draws, by a clock that only the stage moves. It
//! refuses real time and real parallelism: the same seed plays the same piece.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tunesmith_core::{Rng, Timestamp};
use tunesmith_runtime::clock::Clock;

/// Turns after which a piece that has not ended never will.
const MOST_TURNS: u64 = 400_000;
/// What one turn takes at most, milliseconds.
const LONGEST_TURN_MS: u64 = 40;
/// Blows fall in so many turns as their likelihoods say.
const CALM: u64 = 400;
/// How far wall clocks jump, milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// What a thread unwinds with where its worker is killed.
pub(crate) struct Killed;

/// What an actor is to suffer at a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    None,
    Crash,
    Stall,
    Jump,
}

/// The stage. Actors are numbered from 0.
pub(crate) struct Stage {
    state: Mutex<State>,
    turned: Condvar,
}

struct State {
    rng: Rng,
    now_ms: u64,
    turns: u64,
    /// Until when each actor does nothing; `None` where it has left.
    actors: Vec<Option<u64>>,
    /// By how much each actor's wall clock is wrong.
    wrong_by_ms: Vec<i64>,
    on: usize,
    /// How many more things may go wrong.
    faults: u32,
    /// How likely each blow is at a turn, in parts of [`CALM`].
    crashes: u64,
    stalls: u64,
    jumps: u64,
}

impl Stage {
    /// For so many actors, who suffer at most so many faults.
    pub(crate) fn new(seed: u64, actors: usize, faults: u32) -> Arc<Self> {
        let mut rng = Rng::at(seed, 0, "stage");
        // Some pieces are all crashes and some all stalls: what goes wrong in a row is what is seldom thought of.
        let mut likely = |most: u64| rng.below(3) * most / 2;
        let (crashes, stalls, jumps) = (likely(6), likely(12), likely(4));
        let state = State {
            rng,
            crashes,
            stalls,
            jumps,
            now_ms: 1,
            turns: 0,
            actors: vec![Some(0); actors],
            wrong_by_ms: vec![0; actors],
            on: 0,
            faults,
        };
        Arc::new(Self { state: Mutex::new(state), turned: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an actor's first turn.
    pub(crate) fn enter(&self, actor: usize) {
        self.wait(self.state(), actor);
    }

    /// Lets others act, and maybe suffers a blow. Who dies of it unwinds with [`Killed`].
    pub(crate) fn turn(&self, actor: usize) {
        let blow = {
            let mut state = self.state();
            state.pass_on(actor, 0);
            let blow = state.blow();
            match blow {
                Blow::Stall => {
                    let until_ms = state.now_ms + state.rng.below(400_000);
                    state.actors[actor] = Some(until_ms);
                }
                Blow::Jump => {
                    let jump = state.rng.below(2 * HOUR_MS as u64) as i64 - HOUR_MS;
                    state.wrong_by_ms[actor] += jump;
                }
                Blow::None | Blow::Crash => {}
            }
            self.turned.notify_all();
            self.wait(state, actor);
            blow
        };
        if blow == Blow::Crash {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// Does nothing for so long.
    pub(crate) fn rest(&self, actor: usize, time: Duration) {
        let mut state = self.state();
        let time_ms = u64::try_from(time.as_millis()).expect("a short time");
        state.pass_on(actor, time_ms);
        self.turned.notify_all();
        self.wait(state, actor);
    }

    /// The actor's part is over.
    pub(crate) fn leave(&self, actor: usize) {
        let mut state = self.state();
        state.actors[actor] = None;
        state.choose();
        self.turned.notify_all();
    }

    /// Whether something goes wrong that does so once in `rarity` times.
    pub(crate) fn is_struck(&self, rarity: u64) -> bool {
        let mut state = self.state();
        let struck = state.faults > 0 && state.rng.below(rarity) == 0;
        state.faults -= u32::from(struck);
        struck
    }

    /// A number below a bound.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.state().rng.below(bound)
    }

    /// Milliseconds since the piece began.
    pub(crate) fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    fn wait(&self, mut state: MutexGuard<'_, State>, actor: usize) {
        while state.on != actor {
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Time goes on, the actor rests for so long, and somebody is next.
    fn pass_on(&mut self, actor: usize, rest_ms: u64) {
        self.turns += 1;
        // A piece without an end would hang the test: everybody finds it out on their next turn.
        assert!(self.turns < MOST_TURNS, "the study does not end");
        self.now_ms += self.rng.below(LONGEST_TURN_MS);
        self.actors[actor] = Some(self.now_ms + rest_ms);
        self.choose();
    }

    fn choose(&mut self) {
        let Some(earliest_ms) = self.actors.iter().flatten().min().copied() else { return };
        self.now_ms = self.now_ms.max(earliest_ms);
        let awake = |until_ms: &Option<u64>| until_ms.is_some_and(|until| until <= self.now_ms);
        let awake: Vec<usize> =
            (0..self.actors.len()).filter(|actor| awake(&self.actors[*actor])).collect();
        self.on = awake[self.rng.below(awake.len() as u64) as usize];
    }

    fn blow(&mut self) -> Blow {
        if self.faults == 0 {
            return Blow::None;
        }
        let drawn = self.rng.below(CALM);
        let blow = match drawn {
            _ if drawn < self.crashes => Blow::Crash,
            _ if drawn < self.crashes + self.stalls => Blow::Stall,
            _ if drawn < self.crashes + self.stalls + self.jumps => Blow::Jump,
            _ => Blow::None,
        };
        self.faults -= u32::from(blow != Blow::None);
        blow
    }
}

/// An actor's clock: a wall clock that jumps, and a steady one.
pub(crate) struct Watch {
    pub(crate) stage: Arc<Stage>,
    pub(crate) actor: usize,
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        let state = self.stage.state();
        Timestamp(HOUR_MS * 1_000 + state.now_ms as i64 + state.wrong_by_ms[self.actor])
    }

    fn steady_ms(&self) -> u64 {
        self.stage.now_ms()
    }

    fn pass(&self, time: Duration) {
        self.stage.rest(self.actor, time);
    }
}
