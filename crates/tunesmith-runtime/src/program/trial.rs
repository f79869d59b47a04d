//! One trial as a process: started, heard, held while its report waits for an answer, ended when it
//! is told to, started again where it may be. It refuses to judge a report.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tunesmith_core::FailureReason;
use tunesmith_train::protocol::{FromTrainer, Params};

use super::child::{Child, Exit, STREAMS, Sign};
use super::folder::{Claim, Folder};
use super::meter::Meter;
use super::system::Usage;
use super::{Settings, Told};

/// The pause before a process is started again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Reports that wait for an answer before the process is held.
const MOST_WAITING: usize = 64;
/// How long output may take to arrive once its process and all of its group are gone.
const DRAIN: Duration = Duration::from_secs(5);

/// What a trial's thread hears.
#[derive(Debug)]
pub(super) enum Heard {
    /// Its process did something.
    Sign(Sign),
    /// The report that waits is answered: go on.
    Go,
    /// The process is to end, and has the grace period for it.
    End,
}

impl From<Sign> for Heard {
    fn from(sign: Sign) -> Self {
        Self::Sign(sign)
    }
}

/// How a trial's process came to its end.
enum Ending {
    /// By itself.
    Itself(Exit),
    /// It was told to.
    Told,
    /// It ran too long.
    TimeLimit,
    /// It could not be started.
    Unstarted(String),
}

/// A trial and the thread it is on.
pub(super) struct Trial {
    pub(super) number: u64,
    pub(super) params: Params,
    pub(super) folder: Folder,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) words: Vec<String>,
    pub(super) settings: Arc<Settings>,
    pub(super) heard: Receiver<Heard>,
    pub(super) heard_from: SyncSender<Heard>,
    pub(super) out: SyncSender<Told>,
    pub(super) meter: Meter,
}

/// A process while it runs.
struct Run {
    child: Child,
    held: bool,
    /// What it used of its time limit before now, and since when it goes on.
    spent: Duration,
    since: Instant,
    open_streams: usize,
    exit: Option<Exit>,
    end_by: Option<Instant>,
    killed: bool,
    timed_out: bool,
    drained_by: Option<Instant>,
}

impl Trial {
    /// Runs the trial to its end and tells how it was.
    pub(super) fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut left = self.settings.spec.retries;
        loop {
            let ending = self.attempt();
            let fails = matches!(ending, Ending::Itself(exit) if exit.code != Some(0));
            if !fails || left == 0 || !self.wait(pause) {
                return self.close(ending);
            }
            left -= 1;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.meter.start_again(self.folder.has_checkpoint());
        }
    }

    /// Waits before another attempt; `false` where the trial is told to end meanwhile.
    fn wait(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Heard::End) | Err(RecvTimeoutError::Disconnected) => return false,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    fn attempt(&mut self) -> Ending {
        let token = self.settings.token(self.number);
        let mut environment = self.environment.clone();
        environment.insert(super::TOKEN.to_owned(), token.clone());
        let started = self.folder.launch(
            &self.words,
            &self.settings.spec,
            &environment,
            Claim { token: &token, agent: &self.settings.agent },
            &self.heard_from,
        );
        let child = match started {
            Ok(child) => child,
            Err(message) => return Ending::Unstarted(message),
        };
        let mut run = Run::new(child);
        let mut waiting: VecDeque<BTreeMap<String, f64>> = VecDeque::new();
        let mut outstanding = false;
        loop {
            if !outstanding && let Some(numbers) = waiting.pop_front() {
                outstanding = self.report(numbers, run.active());
            }
            let calm = waiting.len() < MOST_WAITING;
            run.hold(outstanding && (self.settings.holds || !calm));
            if run.is_over() && (run.end_by.is_some() || (!outstanding && waiting.is_empty())) {
                break;
            }
            match self.heard.recv_timeout(run.patience(self.settings.time_limit())) {
                Ok(Heard::Sign(Sign::Numbers(numbers))) => waiting.extend(self.meter.take(numbers)),
                Ok(Heard::Sign(Sign::Closed)) => {
                    run.open_streams = run.open_streams.saturating_sub(1);
                }
                Ok(Heard::Sign(Sign::Exited(exit))) => run.exited(exit, &token),
                Ok(Heard::Go) => outstanding = false,
                Ok(Heard::End) | Err(RecvTimeoutError::Disconnected) => {
                    run.end(self.settings.grace());
                }
                Err(RecvTimeoutError::Timeout) => run.look_at_the_clock(&self.settings),
            }
        }
        self.meter.pass(run.active());
        let exit = run.exit.unwrap_or(Exit { code: None, signal: None, usage: Usage::default() });
        self.folder.note_end(&token, &exit);
        self.meter.tail = run.child.tail();
        match (run.timed_out, run.end_by) {
            (true, _) => Ending::TimeLimit,
            (false, Some(_)) => Ending::Told,
            (false, None) => Ending::Itself(exit),
        }
    }

    /// Passes a report on; whether it waits for an answer now.
    fn report(&mut self, numbers: BTreeMap<String, f64>, active: Duration) -> bool {
        self.meter.pass(active);
        let report = self.meter.report(self.number, numbers, &self.params, &self.settings);
        self.folder.note_steps(self.meter.steps);
        self.out.send(Told::Message(report)).is_ok()
    }

    fn close(mut self, ending: Ending) {
        let trial = self.number;
        let device_seconds = self.meter.settle();
        let failed = |reason| Told::Failed { trial, reason, device_seconds };
        let told = match ending {
            Ending::Told => Told::Message(FromTrainer::Stopped {
                trial,
                step: self.meter.steps,
                device_seconds,
            }),
            Ending::TimeLimit => {
                let limit_ms = self.settings.spec.time_limit_ms.unwrap_or(0);
                failed(FailureReason::TimeLimit { limit_ms })
            }
            Ending::Unstarted(message) => failed(FailureReason::Refused { message }),
            Ending::Itself(exit) if exit.code != Some(0) => failed(FailureReason::Crashed {
                exit_code: exit.code,
                signal: exit.signal,
                tail: std::mem::take(&mut self.meter.tail),
            }),
            Ending::Itself(_) => match self.meter.missing(&self.settings.metrics) {
                Some(metric) => {
                    let reported = self.meter.names.iter().cloned().collect();
                    failed(FailureReason::MissingMetric { metric, reported })
                }
                None => Told::Message(FromTrainer::Finished { trial, device_seconds }),
            },
        };
        // Nobody listens when the worker is gone.
        drop(self.out.send(told));
    }
}

impl Run {
    fn new(child: Child) -> Self {
        Self {
            child,
            held: false,
            spent: Duration::ZERO,
            since: Instant::now(),
            open_streams: STREAMS,
            exit: None,
            end_by: None,
            killed: false,
            timed_out: false,
            drained_by: None,
        }
    }

    /// Stops the process in its tracks, or lets it go on.
    fn hold(&mut self, hold: bool) {
        if hold == self.held || self.exit.is_some() || (hold && self.end_by.is_some()) {
            return;
        }
        self.held = hold;
        if hold {
            self.spent += self.since.elapsed();
            signal(&self.child, Signal::STOP);
        } else {
            self.since = Instant::now();
            signal(&self.child, Signal::CONT);
        }
    }

    /// How long it has run, pauses left out.
    fn active(&self) -> Duration {
        self.spent
            + if self.held || self.exit.is_some() { Duration::ZERO } else { self.since.elapsed() }
    }

    fn end(&mut self, grace: Duration) {
        if self.end_by.is_some() {
            return;
        }
        self.end_by = Some(Instant::now() + grace);
        if self.exit.is_none() {
            signal(&self.child, Signal::TERM);
            self.hold(false);
        }
    }

    fn exited(&mut self, exit: Exit, token: &str) {
        self.spent = self.active();
        self.exit = Some(exit);
        // What it left behind would hold its output open, and the device.
        signal(&self.child, Signal::KILL);
        super::system::kill_all_with(super::TOKEN, token);
        self.drained_by = Some(Instant::now() + DRAIN);
    }

    /// Whether nothing more is to be heard of it.
    fn is_over(&self) -> bool {
        let late = self.drained_by.is_some_and(|by| Instant::now() > by);
        self.exit.is_some() && (self.open_streams == 0 || late)
    }

    /// How long to wait for a sign of it.
    fn patience(&self, limit: Option<Duration>) -> Duration {
        let now = Instant::now();
        let left = |by: Instant| by.saturating_duration_since(now);
        let deadlines = [
            self.end_by.filter(|_| self.exit.is_none() && !self.killed).map(left),
            self.drained_by.map(left),
            limit
                .filter(|_| self.exit.is_none() && !self.held && self.end_by.is_none())
                .map(|limit| limit.saturating_sub(self.active())),
        ];
        let soonest = deadlines.into_iter().flatten().min();
        soonest.map_or(Duration::from_hours(1), |wait| wait + Duration::from_millis(1))
    }

    fn look_at_the_clock(&mut self, settings: &Settings) {
        if self.exit.is_some() {
            return;
        }
        if self.end_by.is_some_and(|by| Instant::now() >= by) && !self.killed {
            self.killed = true;
            signal(&self.child, Signal::KILL);
        }
        if settings.time_limit().is_some_and(|limit| self.active() >= limit)
            && self.end_by.is_none()
        {
            self.timed_out = true;
            self.end(settings.grace());
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    super::system::signal(child.pid, signal);
}
