//! The worker: it leases trials, has a trainer train them side by side, writes down what it
//! reports, asks the scheduler, and goes on until the study is over. It refuses to decide anything
//! itself: every change of the study goes through the core's `decide` and the log.

mod giving;
mod losses;
mod messages;
mod parking;
mod stopping;
mod takeovers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use tunesmith_core::{
    CatchUpError, Command, Event, Fact, FinishReason, LeaseKey, Policy, Rejection, RequeueReason,
    Storage, Stream, Study, StudyId, SubmitError, TrialState, Watch, Writer,
};
use tunesmith_train::protocol::FatalClass;

use crate::clock::Clock;
use crate::keeper::{Census, KeepError, Keeper};
use crate::progress::{End, Progress, Standing};
use crate::session::{OpenError, POLL, Session};
use crate::trainer::{Launcher, Received};

/// Signs of life are looked after no more often than this; the core decides which are due.
const LEAST_HEARTBEAT_MS: u64 = 1_000;

/// What a worker works with.
pub struct Surroundings<'a> {
    /// Where the log is.
    pub storage: &'a dyn Storage,
    /// Who proposes and judges.
    pub policy: &'a Policy,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Who starts trainers.
    pub launcher: &'a mut dyn Launcher,
    /// Who keeps files.
    pub keeper: &'a mut dyn Keeper,
    /// Who knows which workers are dead.
    pub census: &'a dyn Census,
    /// Who is told.
    pub watcher: SyncSender<Progress>,
    /// Becomes true when the worker is to save and stop.
    pub stop: &'a AtomicBool,
}

/// What a worker is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The study.
    pub study: StudyId,
    /// The worker's name in the log.
    pub writer: Writer,
    /// How many trials run at once at most.
    pub slots: usize,
    /// How many trials this worker takes at most; all that there are where left out.
    pub count: Option<u32>,
    /// How many trials there will be at most, where that is known.
    pub total: Option<u64>,
}

/// Why a worker stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The search is over.
    Done(FinishReason),
    /// It was asked to stop, and all trials are handed back.
    Interrupted,
    /// The study was paused.
    Paused,
    /// It has taken as many trials as it was to take.
    Counted,
}

/// What a worker leaves when it stops.
pub struct Work {
    /// Why it stopped.
    pub finish: Finish,
    /// The study as it stands.
    pub study: Study,
    /// The trainer, if one is still open.
    pub session: Option<Session>,
}

/// Why a worker could not go on. Its trials are handed back where the storage still takes that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The storage failed, or the core refused what it must not refuse.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The log could not be read.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// No trainer could be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The trainer said that nothing can go on.
    #[error("{message}")]
    Fatal {
        /// Which class of error.
        class: FatalClass,
        /// What happened and what to do.
        message: String,
    },
    /// Files could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// A worker on one study.
pub struct Worker<'a> {
    around: Surroundings<'a>,
    settings: Settings,
    study: Study,
    session: Option<Session>,
    slots: BTreeMap<u32, Slot>,
    /// Trials that are on their way out of the trainer, with the lease that they had. The trainer has one last word on
    /// each: that it stopped, finished or failed.
    leaving: BTreeMap<u32, LeaseKey>,
    /// How many trials are trained at once at most, for now.
    limit: usize,
    /// What the limit may grow to again: the most that memory is known to bear.
    ceiling: usize,
    /// How many trials it has taken.
    taken: u32,
    /// Whether there may be work that was not asked for yet.
    wants_work: bool,
    finished: Option<FinishReason>,
    /// When signs of life were last given, by the steady clock.
    heartbeat_ms: u64,
    /// What was seen of others' leases.
    watch: Watch,
    /// How often a trainer died with a trial in it.
    deaths: BTreeMap<u32, u32>,
    /// Trials whose checkpoint could not be used.
    distrusted: Vec<u32>,
}

/// One trial in the trainer.
#[derive(Debug)]
struct Slot {
    lease: LeaseKey,
    stage: Stage,
    /// Whether the trainer has been given it under this lease, and so will have a last word on it.
    is_seated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It trains.
    Training,
    /// The log has it as paused, and its report still waits for an answer: it may go on in its slot.
    Parked,
    /// The log has its end already; the trainer is still to give the slot back.
    Over,
    /// It is being saved, to be handed back.
    Releasing,
}

impl Slot {
    /// Whether the log still has the trial as this worker's.
    fn is_leased(&self) -> bool {
        !matches!(self.stage, Stage::Over | Stage::Parked)
    }
}

impl<'a> Worker<'a> {
    /// A worker on a study as it stands. `session` is a trainer that is open already.
    pub fn new(
        around: Surroundings<'a>,
        settings: Settings,
        study: Study,
        session: Option<Session>,
    ) -> Self {
        let fits = session.as_ref().map_or(usize::MAX, Session::most_trials);
        let limit = settings.slots.max(1).min(fits);
        let heartbeat_ms = around.clock.steady_ms();
        Self {
            around,
            settings,
            study,
            session,
            slots: BTreeMap::new(),
            leaving: BTreeMap::new(),
            limit,
            ceiling: limit,
            taken: 0,
            wants_work: true,
            finished: None,
            heartbeat_ms,
            watch: Watch::default(),
            deaths: BTreeMap::new(),
            distrusted: Vec::new(),
        }
    }

    /// Works until the study is over or somebody asks to stop.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn work(mut self) -> Result<Work, WorkError> {
        let result = self.work_on();
        if result.is_err() {
            // The error that ended the work is worth more than one met on the way out.
            drop(self.requeue_all(RequeueReason::Released));
        }
        result.map(|finish| Work { finish, study: self.study, session: self.session })
    }

    fn work_on(&mut self) -> Result<Finish, WorkError> {
        self.reap()?;
        self.tell_standing();
        if let Some(session) = &self.session {
            self.tell_fit(session);
        }
        loop {
            if self.around.stop.load(Ordering::SeqCst) {
                self.hand_back()?;
                return Ok(Finish::Interrupted);
            }
            if let Some(finish) = self.fill()? {
                return Ok(finish);
            }
            self.step()?;
        }
    }

    /// Queues again what dead workers held and what was silent for long, of a study that was just brought up to date.
    fn reap(&mut self) -> Result<(), WorkError> {
        let me = self.settings.writer.as_str();
        let holders = self.study.running().filter_map(|trial| trial.lease.as_ref());
        let dead: Vec<Writer> = holders
            .map(|lease| lease.holder.clone())
            .filter(|holder| holder.as_str() != me && self.around.census.is_dead(holder.as_str()))
            .collect();
        let now_ms = self.around.clock.steady_ms();
        let silent = self.watch.look(&self.study, &self.settings.writer, now_ms);
        let events = self.submit(&Command::Reap { dead, silent })?;
        let trials: Vec<u64> = events
            .iter()
            .filter_map(|event| match (event.stream, &event.fact) {
                (Stream::Trial(trial), Fact::TrialRequeued { .. }) => Some(trial.into()),
                _ => None,
            })
            .collect();
        if !trials.is_empty() {
            self.tell(Progress::Reaped { trials });
        }
        Ok(())
    }

    /// Gives free slots work. A reason to stop where there is nothing to do any more.
    fn fill(&mut self) -> Result<Option<Finish>, WorkError> {
        self.let_go_of_what_others_took()?;
        while self.wants_work && self.working() < self.limit {
            let left =
                self.settings.count.map_or(u32::MAX, |count| count.saturating_sub(self.taken));
            if left == 0 {
                return self.counted();
            }
            // How many fit only an open trainer can tell.
            let free = if self.session.is_some() { self.limit - self.working() } else { 1 };
            let count = left.min(free as u32);
            self.finished = None;
            match self.submit(&Command::Ask { count }) {
                Ok(events) => self.take(&events)?,
                Err(WorkError::Submit(SubmitError::Rejected(rejection))) => {
                    self.wants_work = false;
                    match rejection {
                        Rejection::Finished { why } => self.finished = Some(why),
                        Rejection::Paused if self.working() == 0 => {
                            self.save_parked()?;
                            return Ok(Some(Finish::Paused));
                        }
                        Rejection::Wait | Rejection::Paused => {}
                        other => return Err(SubmitError::from(other).into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let others_run = self.study.count(TrialState::Running) > 0;
        match self.finished {
            Some(why) if self.working() == 0 && !others_run => {
                self.abandon_parked()?;
                Ok(Some(Finish::Done(why)))
            }
            _ => Ok(None),
        }
    }

    /// What is left when enough trials were taken: to see them to their end.
    fn counted(&mut self) -> Result<Option<Finish>, WorkError> {
        if self.working() > 0 {
            return Ok(None);
        }
        self.save_parked()?;
        Ok(Some(Finish::Counted))
    }

    /// The open trainer; opens one where there is none.
    fn open(&mut self) -> Result<&mut Session, WorkError> {
        let session =
            if let Some(session) = self.session.take() { session } else { self.open_anew()? };
        Ok(self.session.insert(session))
    }

    fn open_anew(&mut self) -> Result<Session, WorkError> {
        self.tell(Progress::Opening { slots: self.limit });
        let metrics = self.study.metrics();
        let session = Session::open(self.around.launcher, self.ceiling, metrics, self.around.stop)?;
        self.around.keeper.opened(&session.ready);
        self.ceiling = self.ceiling.min(session.most_trials());
        self.limit = self.limit.min(self.ceiling);
        self.tell(Progress::Opened(Box::new(session.ready.clone())));
        self.tell_fit(&session);
        Ok(session)
    }

    /// Tells where memory is for fewer trials than were asked for.
    fn tell_fit(&self, session: &Session) {
        let slots = session.most_trials();
        if slots < self.settings.slots {
            self.tell(Progress::Fitted { slots });
        }
    }

    /// Waits for one message and does what it asks.
    fn step(&mut self) -> Result<(), WorkError> {
        let works = self.working() > 0;
        let received = match &mut self.session {
            Some(session) if works => session.trainer.receive(POLL),
            _ => self.wait_for_others()?,
        };
        self.hear(received)?;
        self.beat()
    }

    fn hear(&mut self, received: Received) -> Result<(), WorkError> {
        match received {
            Received::Message(message) => self.heed(message),
            Received::Failed { trial, reason, device_seconds } => {
                self.fell(trial as u32, reason, device_seconds)
            }
            Received::Nothing => Ok(()),
            Received::Ended(ending) => self.lose(&ending),
        }
    }

    /// How many slots have a trial that is not parked.
    fn working(&self) -> usize {
        self.slots.values().filter(|slot| slot.stage != Stage::Parked).count()
    }

    /// Without a trial of its own, the worker looks from time to time whether another one's trial
    /// has come free or ended. There is nobody to wake it.
    fn wait_for_others(&mut self) -> Result<Received, WorkError> {
        self.around.clock.pass(POLL);
        tunesmith_core::catch_up(self.around.storage, self.settings.study, &mut self.study)?;
        self.reap()?;
        self.wants_work = true;
        Ok(Received::Nothing)
    }

    /// Signs of life for all trials, where it is time.
    fn beat(&mut self) -> Result<(), WorkError> {
        let now_ms = self.around.clock.steady_ms();
        if now_ms.saturating_sub(self.heartbeat_ms) < LEAST_HEARTBEAT_MS {
            return Ok(());
        }
        self.heartbeat_ms = now_ms;
        // What is silent then is over only where it is once the log is read again.
        drop(self.watch.look(&self.study, &self.settings.writer, now_ms));
        let training = self.slots.values().filter(|slot| slot.is_leased());
        let leases: Vec<LeaseKey> = training.map(|slot| slot.lease).collect();
        for lease in leases {
            let beat = self.submit(&Command::Heartbeat { lease });
            self.unless_stale(lease.trial, beat)?;
        }
        Ok(())
    }

    /// Decides, appends and applies a command.
    fn submit(&mut self, command: &Command) -> Result<Vec<Event>, WorkError> {
        let Surroundings { storage, policy, clock, .. } = &self.around;
        let Settings { study, writer, .. } = &self.settings;
        Ok(tunesmith_core::submit(
            *storage,
            *study,
            &mut self.study,
            policy,
            writer,
            command,
            clock.now(),
        )?)
    }

    /// The events of a command; `None` where another worker has the trial by now, which ends this
    /// worker's part in it.
    fn unless_stale(
        &mut self,
        trial: u32,
        result: Result<Vec<Event>, WorkError>,
    ) -> Result<Option<Vec<Event>>, WorkError> {
        match result {
            Ok(events) => Ok(Some(events)),
            Err(WorkError::Submit(SubmitError::Rejected(
                Rejection::StaleLease { .. } | Rejection::Ended { .. },
            ))) => {
                if let Some(slot) = self.slots.remove(&trial) {
                    self.cast_out(trial, &slot);
                    self.tell(Progress::HandedBack { trial: trial.into() });
                }
                self.wants_work = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A trial is over in the log: files, and whoever watches.
    fn end(&mut self, number: u32) -> Result<(), WorkError> {
        if let Some(trial) = self.study.trial(number) {
            self.around.keeper.ended(&self.study, trial)?;
            if matches!(trial.state, TrialState::Completed | TrialState::Pruned) {
                self.regain();
            }
        }
        self.tell_end(number);
        self.tell_standing();
        Ok(())
    }

    fn tell_end(&mut self, number: u32) {
        let Some(trial) = self.study.trial(number) else {
            return;
        };
        let Some(end) = End::of(trial, &self.study) else {
            return;
        };
        self.tell(Progress::Ended {
            trial: number.into(),
            end,
            params: trial.params.clone(),
            device_seconds: trial.device_seconds,
        });
    }

    fn tell_standing(&mut self) {
        let spent = self.study.spent(self.around.clock.now());
        let standing = Standing::of(&self.study, &spent, self.settings.total);
        self.tell(Progress::Standing(standing));
    }

    /// Nobody listening is no reason to stop.
    fn tell(&self, progress: Progress) {
        drop(self.around.watcher.send(progress));
    }
}

/// Whether the events end a trial.
fn ends(events: &[Event]) -> bool {
    events.iter().any(|event| {
        matches!(
            event.fact,
            Fact::TrialCompleted { .. }
                | Fact::TrialPruned { .. }
                | Fact::TrialFailed { .. }
                | Fact::TrialCancelled
        )
    })
}
