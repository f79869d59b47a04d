//! One ask: gathers the evidence, fits the model once, and chooses one point after the other.
//!
//! Refuses to change the order of a batch: a point counts as running for those after it.

mod objective;

use std::collections::BTreeSet;

use tunesmith_core::{Params, Rng, Suggestion, Trial, TrialState, Value, finalists_by_value};

use super::acquisition::{Acquisition, Lean};
use super::evidence::{MOST_GLOBAL, Observation, Points, failures, observations, select};
use super::frame::Frame;
use super::search::{Pool, Region, candidates};
use super::trust::{REGION, Trust, replay};
use super::{Request, quasi_random};
use crate::encoding::{Axis, Kind};
use crate::numeric::quasi::Sequence;

/// The most axes of a model of the whole space.
const MOST_AXES: usize = 20;
/// The most proposals of one batch that a model chooses.
const MOST_OF_BATCH: u32 = 64;
/// The most trials without a value that are fantasised about, the latest.
const MOST_PENDING: usize = 64;
/// Every so many trials the belief has no say.
const WITHOUT_BELIEF: u32 = 6;
/// How many of the best trials candidates are drawn around.
const ANCHORS: usize = 5;
/// Up to this many points a space is listed to find one that was not tried.
const MOST_LISTED: u64 = 4_096;

/// As [`super::propose`].
pub(super) fn propose(request: &Request<'_>, count: u32, rng: &Rng) -> Vec<Suggestion> {
    let all = observations(request.study, request.history);
    let why = match (request.encoding.dimensions(), request.history.failed.len()) {
        (0, _) => Some("there is nothing to choose"),
        (_, 0) if all.len() < 2 => Some("fewer than two trials have a value"),
        _ if all.len() < 2 => Some("fewer than two trials have a value; others failed"),
        _ => None,
    };
    if let Some(why) = why {
        return quasi_randoms(request, 0..count, rng, why);
    }
    let modelled = count.min(MOST_OF_BATCH);
    let frame = Frame::of(request.encoding);
    let mut run = Run::new(request, &frame, all, modelled, rng);
    let mut choice = None;
    let mut suggestions: Vec<Suggestion> =
        (0..modelled).map(|index| run.next(index, &mut choice)).collect();
    suggestions.extend(quasi_randoms(request, modelled..count, rng, "beyond 64 of one batch"));
    suggestions
}

/// As [`super::finalists`].
pub(super) fn finalists(request: &Request<'_>, count: u32) -> Vec<u32> {
    let all = observations(request.study, request.history);
    let single = request.study.metrics().len() == 1;
    if !single || all.len() < 2 || all.len() > MOST_GLOBAL || request.encoding.dimensions() == 0 {
        return finalists_by_value(request.study, count);
    }
    let frame = Frame::of(request.encoding);
    let rng = request.study.sampler_rng();
    let run = Run::new(request, &frame, all, 1, &rng);
    let (model, _) = run.model(run.observed.iter().map(|one| one.scores[0]).collect());
    let mean = |index: usize| {
        let mut projection = Vec::new();
        model.project(&run.points.points[index], &mut projection);
        model.mean(&projection)
    };
    let searched = |one: &Observation<'_>| {
        one.trial.state == TrialState::Completed && !request.study.is_replica(one.trial)
    };
    let mut ranked: Vec<(f64, &Trial)> = (0..run.observed.len())
        .filter(|index| searched(&run.observed[*index]))
        .map(|index| (mean(index), run.observed[index].trial))
        .collect();
    ranked.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let mut seen = BTreeSet::new();
    ranked.retain(|(_, trial)| seen.insert(trial.params.canonical()));
    ranked.into_iter().take(count as usize).map(|(_, trial)| trial.number).collect()
}

/// Quasi-random suggestions for some trials of the batch.
fn quasi_randoms(
    request: &Request<'_>,
    batch: std::ops::Range<u32>,
    rng: &Rng,
    why: &str,
) -> Vec<Suggestion> {
    let first = request.first_number();
    batch
        .map(|index| quasi_random(request.study, request.belief, first + index, rng, why))
        .collect()
}

/// What stays the same over one ask, and the batch so far.
struct Run<'a> {
    request: &'a Request<'a>,
    frame: &'a Frame<'a>,
    rng: &'a Rng,
    observed: Vec<Observation<'a>>,
    points: Points,
    failed: usize,
    trust: Option<Trust<'a>>,
    lean: Option<Lean>,
    /// Trials without a value, then the batch so far.
    pending: Vec<Vec<f64>>,
    batch: Vec<Params>,
    modelled: u32,
}

/// A model with candidates, both brought forward as the batch grows.
struct Choice<'a> {
    acquisition: Acquisition<'a>,
    region: Region,
    pool: Pool,
}

impl<'a> Run<'a> {
    fn new(
        request: &'a Request<'a>,
        frame: &'a Frame<'a>,
        all: Vec<Observation<'a>>,
        modelled: u32,
        rng: &'a Rng,
    ) -> Self {
        let single = request.study.metrics().len() == 1;
        let far = single && (all.len() > MOST_GLOBAL || frame.dimensions() > MOST_AXES);
        let trust = far.then(|| replay(request.study, request.history, frame.dimensions()));
        let values = request.history.completed.len() + request.history.pruned.len();
        let weight = request.settings.prior_weight / values.max(1) as f64;
        let centre = trust.as_ref().and_then(|trust| trust.best);
        let centre = centre.map(|trial| frame.coordinates(&trial.params));
        let observed = select(all, frame, centre.as_deref());
        let failed = failures(request.history);
        Self {
            points: Points::new(frame, &observed, &failed),
            failed: failed.len(),
            lean: request.belief.map(|belief| Lean { belief, weight }),
            pending: pending(request, frame),
            batch: request.earlier.to_vec(),
            request,
            frame,
            rng,
            observed,
            trust,
            modelled,
        }
    }

    /// The suggestion at an index of the batch.
    fn next(&mut self, index: u32, choice: &mut Option<Choice<'a>>) -> Suggestion {
        let number = self.request.first_number() + index;
        if let Some(suggestion) = self.next_of_design(number) {
            return suggestion;
        }
        // Every trial has weights of its own where there are more than two objectives.
        if choice.is_none() || self.request.study.metrics().len() > 2 {
            *choice = Some(self.choice(number));
        }
        let Some(choice) = choice else { unreachable!("made above") };
        choice.acquisition.lean =
            self.lean.filter(|_| number % WITHOUT_BELIEF != WITHOUT_BELIEF - 1);
        let starts = if self.modelled == 1 { 6 } else { 3 };
        let (point, repeats) = self.best(choice, starts, number);
        let params = self.frame.encoding.decode(&point);
        choice.acquisition.target.append(&point);
        self.pending.push(point);
        self.batch.push(params.clone());
        Suggestion { params, note: self.note(repeats) }
    }

    /// The next of the first points of a new trust region.
    fn next_of_design(&mut self, number: u32) -> Option<Suggestion> {
        let trust = self.trust.as_mut().filter(|trust| trust.design > 0)?;
        trust.design -= 1;
        let region = Value::Int(trust.number);
        let (study, belief) = (self.request.study, self.request.belief);
        let mut suggestion = quasi_random(study, belief, number, self.rng, "a new trust region");
        suggestion.note.insert(REGION, region);
        self.pending.push(self.frame.coordinates(&suggestion.params));
        self.batch.push(suggestion.params.clone());
        Some(suggestion)
    }

    fn note(&self, repeats: bool) -> Params {
        let mut note = Params::from([("model", Value::from("gp"))]);
        if let Some(trust) = &self.trust {
            note.insert(REGION, Value::Int(trust.number));
        }
        if self.frame.conditional {
            note.insert("inactive", Value::from("at the middle"));
        }
        if self.points.partial > 0 {
            note.insert("partial_curves", Value::Int(self.points.partial as i64));
        }
        if self.failed > 0 {
            note.insert("failures", Value::Int(self.failed as i64));
        }
        if repeats {
            note.insert("why", Value::from("every point that was found has been tried"));
        }
        note
    }

    /// The best point, and whether it was tried before.
    fn best(&self, choice: &mut Choice<'_>, starts: usize, number: u32) -> (Vec<f64>, bool) {
        let mut found = choice.pool.best(&choice.acquisition, &choice.region, starts);
        let Some(cardinality) = self.frame.encoding.cardinality() else {
            return (found.swap_remove(0).point, false);
        };
        let is_new = |point: &Vec<f64>| !self.tried(&self.frame.encoding.decode(point));
        if let Some(index) = found.iter().position(|found| is_new(&found.point)) {
            return (found.swap_remove(index).point, false);
        }
        let new = choice.pool.ranked(&choice.acquisition).find(&is_new);
        let listed = || {
            let points = self.points_of_space(cardinality, number).into_iter().filter(&is_new);
            let valued = points.map(|point| (choice.acquisition.value(&point, usize::MAX), point));
            valued.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, point)| point)
        };
        match new.or_else(listed) {
            Some(point) => (point, false),
            None => (found.swap_remove(0).point, true),
        }
    }

    fn tried(&self, params: &Params) -> bool {
        let trials = self.request.study.trials().iter().map(|trial| &trial.params);
        trials.chain(&self.batch).any(|other| other == params)
    }

    /// All points of a small space, else many.
    fn points_of_space(&self, cardinality: u64, number: u32) -> Vec<Vec<f64>> {
        if cardinality > MOST_LISTED {
            let rng = self.rng.branch(u64::from(number)).branch_named("untried");
            let sequence = Sequence::new(self.frame.dimensions(), &rng);
            let units = (0..1_024).map(|index| sequence.point(index));
            return units.map(|units| self.frame.snap(&self.frame.at_unit(&units))).collect();
        }
        let axes = self.frame.encoding.axes.iter().map(values);
        let empty = vec![Vec::new()];
        axes.fold(empty, |points: Vec<Vec<f64>>, values| {
            let longer = |point: &Vec<f64>| {
                let point = point.clone();
                values.clone().into_iter().map(move |value| [point.as_slice(), &[value]].concat())
            };
            points.iter().flat_map(longer).collect()
        })
        .into_iter()
        .map(|point| self.frame.snap(&point))
        .collect()
    }

    /// Fits the models and draws the candidates.
    fn choice(&self, number: u32) -> Choice<'a> {
        let (target, ranking) = self.target(number);
        let region = match (&self.trust, self.trust.as_ref().and_then(|trust| trust.best)) {
            (Some(trust), Some(best)) => {
                let centre = self.frame.coordinates(&best.params);
                trust.around(centre, &target.first().kernel.inverse_squares)
            }
            _ => Region::whole(self.frame.dimensions()),
        };
        let mut acquisition = Acquisition {
            frame: self.frame,
            target,
            feasibility: self.feasibility(),
            lean: self.lean,
        };
        for point in &self.pending {
            acquisition.target.append(point);
        }
        let rng = self.rng.branch(u64::from(number)).branch_named("candidates");
        let anchors: Vec<Vec<f64>> = ranking
            .iter()
            .take(ANCHORS)
            .map(|index| self.points.points[*index][..self.frame.dimensions()].to_vec())
            .collect();
        let count = self.request.settings.candidates;
        let draws = if region.centre.is_none() { self.draws(count / 4, &rng) } else { Vec::new() };
        let points = candidates(self.frame, &region, &anchors, draws, count, &rng);
        Choice { pool: Pool::new(points, &acquisition), acquisition, region }
    }

    /// Draws of what is believed.
    fn draws(&self, count: usize, rng: &Rng) -> Vec<Vec<f64>> {
        let Some(lean) = self.lean else { return Vec::new() };
        let space = self.request.study.space();
        let draw = |index: usize| lean.belief.draw(space, &rng.branch(index as u64));
        (0..count).map(|index| self.frame.coordinates(&draw(index))).collect()
    }
}

/// The values of an axis of a space that can be enumerated.
fn values(axis: &Axis<'_>) -> Vec<f64> {
    match &axis.kind {
        Kind::Lattice(positions) => positions.clone(),
        Kind::Categorical(count) => (0..*count).map(|index| index as f64).collect(),
        Kind::Continuous => {
            let points = axis.parameter.domain().and_then(|domain| domain.grid_points().ok());
            let points = points.unwrap_or_default();
            points.iter().filter_map(|value| axis.coordinate(value)).collect()
        }
    }
}

/// The points of the trials that have not ended, the latest, then those of the batch. A paused trial that reported is
/// evidence already, and may never go on.
fn pending(request: &Request<'_>, frame: &Frame<'_>) -> Vec<Vec<f64>> {
    let waits = |trial: &&&Trial| trial.state != TrialState::Paused || trial.reports.is_empty();
    let latest = request.history.pending.iter().rev().filter(waits).take(MOST_PENDING);
    let running = latest.map(|trial| frame.coordinates(&trial.params));
    let earlier = request.earlier.iter().map(|params| frame.coordinates(params));
    running.chain(earlier).collect()
}
