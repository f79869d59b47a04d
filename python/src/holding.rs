//! A study that Python holds: one writer, one lock, and the leases that it has. It refuses to work after a fork: the
//! child shares a database connection and a writer's name with its parent.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tunesmith_core::{
    Command, Event, LeaseKey, Policy, Rejection, Storage, Study, StudyId, SubmitError, Watch,
    Writer,
};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_runtime::keeper::Census;

use crate::errors;
use crate::opening::Opened;

/// A study in its storage, with what this process knows of it.
pub(crate) struct Holding {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) is_shared: bool,
    id: StudyId,
    policy: Policy,
    writer: Writer,
    identity: Identity,
    process: u32,
    state: Mutex<State>,
    changed: Condvar,
    pub(crate) has_pulse: AtomicBool,
}

/// What changes.
pub(crate) struct State {
    pub(crate) study: Study,
    watch: Watch,
    held: BTreeSet<LeaseKey>,
}

/// A worker of this process unlike all others.
pub(crate) fn identity() -> Identity {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    Identity::of_this_process().numbered(NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Holding {
    pub(crate) fn new(opened: Opened, identity: Identity) -> PyResult<Self> {
        let Opened { storage, is_shared, id, study } = opened;
        let policy = tunesmith_search::policy(study.config());
        Ok(Self {
            policy: policy.map_err(|error| errors::value(&error))?,
            writer: Writer::new(&identity.to_string()),
            process: std::process::id(),
            state: Mutex::new(State { study, watch: Watch::default(), held: BTreeSet::new() }),
            changed: Condvar::new(),
            has_pulse: AtomicBool::new(false),
            storage,
            is_shared,
            id,
            identity,
        })
    }

    /// The scheduler and the sampler.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The name that this worker writes into the log.
    pub(crate) fn writer(&self) -> &str {
        self.writer.as_str()
    }

    /// A thread that panicked while it held the lock changed nothing or all: an event is applied after it was stored.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_process(&self) -> PyResult<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(errors::TunesmithError::new_err(
            "this study was opened before the process forked; open it again in the child, by its name and storage",
        ))
    }

    /// Looks at the study as the storage has it now, without the interpreter.
    pub(crate) fn look<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&Study) -> T + Send,
    ) -> PyResult<T> {
        self.check_process()?;
        py.detach(|| {
            let mut state = self.lock();
            self.catch_up(&mut state).map_err(|error| errors::submission(&error))?;
            Ok(look(&state.study))
        })
    }

    /// Looks at the study as this process last saw it.
    pub(crate) fn glance<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&Study) -> T + Send,
    ) -> PyResult<T> {
        self.check_process()?;
        Ok(py.detach(|| look(&self.lock().study)))
    }

    /// Submits a command and looks at what came of it, without the interpreter.
    pub(crate) fn submit<T: Send>(
        &self,
        py: Python<'_>,
        command: &Command,
        look: impl FnOnce(&Study, &[Event]) -> T + Send,
    ) -> PyResult<T> {
        self.check_process()?;
        py.detach(|| {
            let mut state = self.lock();
            let events = self.settle(&mut state, command);
            self.changed.notify_all();
            let events = events.map_err(|error| errors::submission(&error))?;
            Ok(look(&state.study, &events))
        })
    }

    fn settle(&self, state: &mut State, command: &Command) -> Result<Vec<Event>, SubmitError> {
        let now = SystemClock.now();
        let State { study, held, .. } = state;
        let (storage, by) = (&*self.storage, &self.writer);
        let events =
            tunesmith_core::submit(storage, self.id, study, &self.policy, by, command, now)?;
        held.retain(|lease| {
            study.trial(lease.trial).is_some_and(|trial| trial.lease_key() == Some(*lease))
        });
        Ok(events)
    }

    /// In memory nobody else writes.
    fn catch_up(&self, state: &mut State) -> Result<(), SubmitError> {
        if self.is_shared {
            tunesmith_core::catch_up(&*self.storage, self.id, &mut state.study)?;
        }
        Ok(())
    }

    /// Up to `count` trials to work on; waits up to `patience` where nothing can start yet.
    pub(crate) fn ask(
        &self,
        py: Python<'_>,
        count: u32,
        patience: Duration,
    ) -> PyResult<Vec<LeaseKey>> {
        /// Others' events are looked for so often.
        const POLL: Duration = Duration::from_millis(200);
        self.check_process()?;
        let mut waited = Duration::ZERO;
        loop {
            let asked = py.detach(|| self.ask_once(count));
            match asked {
                Err(SubmitError::Rejected(Rejection::Wait)) if waited < patience => {}
                other => return other.map_err(|error| errors::submission(&error)),
            }
            let pause = POLL.min(patience.saturating_sub(waited));
            py.detach(|| {
                let waiting = self.changed.wait_timeout(self.lock(), pause);
                drop(waiting.unwrap_or_else(PoisonError::into_inner));
            });
            waited += pause;
            py.check_signals()?;
        }
    }

    fn ask_once(&self, count: u32) -> Result<Vec<LeaseKey>, SubmitError> {
        let mut state = self.lock();
        self.catch_up(&mut state)?;
        if self.is_shared {
            self.reap(&mut state)?;
        }
        let events = self.settle(&mut state, &Command::Ask { count })?;
        let mut leases = Vec::new();
        for event in &events {
            let tunesmith_core::Stream::Trial(number) = event.stream else { continue };
            let trial = state.study.trial(number);
            let Some(lease) = trial.and_then(tunesmith_core::Trial::lease_key) else { continue };
            let is_ours = trial
                .and_then(|trial| trial.lease.as_ref())
                .is_some_and(|lease| lease.holder == self.writer);
            if is_ours && !leases.contains(&lease) {
                leases.push(lease);
            }
        }
        state.held.extend(leases.iter().copied());
        Ok(leases)
    }

    /// Queues again what dead and silent workers held.
    fn reap(&self, state: &mut State) -> Result<(), SubmitError> {
        let holders = state.study.running().filter_map(|trial| trial.lease.as_ref());
        let mut dead: Vec<Writer> = holders
            .map(|lease| lease.holder.clone())
            .filter(|holder| *holder != self.writer && self.identity.is_dead(holder.as_str()))
            .collect();
        dead.dedup();
        let silent = state.watch.look(&state.study, &self.writer, SystemClock.steady_ms());
        if dead.is_empty() && silent.is_empty() {
            return Ok(());
        }
        self.settle(state, &Command::Reap { dead, silent }).map(drop)
    }

    /// Gives a sign of life for every trial that is held; what goes wrong shows at the next report.
    pub(crate) fn beat(&self) {
        if self.process != std::process::id() {
            return;
        }
        let leases: Vec<LeaseKey> = self.lock().held.iter().copied().collect();
        for lease in leases {
            let mut state = self.lock();
            if let Err(SubmitError::Rejected(_)) =
                self.settle(&mut state, &Command::Heartbeat { lease })
            {
                state.held.remove(&lease);
            }
        }
    }

    /// Events of the log after the first `after`, as the storage has them.
    pub(crate) fn events(&self, after: u64, limit: u32) -> PyResult<Vec<Event>> {
        let revision = tunesmith_core::Revision(after);
        self.storage.read(self.id, revision, limit).map_err(|error| errors::storage(&error))
    }
}
