//! A space as the model sees it: every axis always has a coordinate.
//!
//! An inactive parameter, one that a trial does not have or whose value is no longer legal is put at one fixed place,
//! the middle of a numeric axis and an extra choice of an unordered one, so that the kernel finds all such trials
//! alike. Refuses to choose points.

use tunesmith_core::Params;

use crate::encoding::{Axis, Encoding, Kind};

/// An encoding without gaps.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) encoding: &'a Encoding<'a>,
    /// Which axes are unordered choices.
    pub(crate) categorical: Vec<bool>,
    /// Whether any parameter may be inactive.
    pub(crate) conditional: bool,
}

fn place_of_absent(axis: &Axis<'_>) -> f64 {
    match axis.kind {
        Kind::Categorical(count) => count as f64,
        Kind::Continuous | Kind::Lattice(_) => 0.5,
    }
}

impl<'a> Frame<'a> {
    pub(crate) fn of(encoding: &'a Encoding<'a>) -> Self {
        let categorical = encoding.axes.iter().map(Axis::is_categorical).collect();
        Self { encoding, categorical, conditional: encoding.space().is_conditional() }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.encoding.dimensions()
    }

    /// The coordinates of params.
    pub(crate) fn coordinates(&self, params: &Params) -> Vec<f64> {
        let encoded = self.encoding.encode(params);
        let axes = self.encoding.axes.iter().zip(encoded);
        axes.map(|(axis, at)| at.unwrap_or_else(|| place_of_absent(axis))).collect()
    }

    /// The coordinates of a point of the unit cube.
    pub(crate) fn at_unit(&self, units: &[f64]) -> Vec<f64> {
        let coordinate = |(axis, unit): (&Axis<'_>, &f64)| match axis.kind {
            Kind::Continuous => *unit,
            _ => axis.from_unit(*unit),
        };
        let mut point = self.encoding.axes.iter().zip(units).map(coordinate).collect::<Vec<_>>();
        self.settle(&mut point);
        point
    }

    /// Puts the inactive axes of a point in their place; gives which axes are active.
    pub(crate) fn settle(&self, point: &mut [f64]) -> Vec<bool> {
        if !self.conditional {
            return vec![true; point.len()];
        }
        let params = self.encoding.decode(point);
        let axes = self.encoding.axes.iter().zip(point);
        axes.map(|(axis, at)| {
            let active = params.get(&axis.parameter.name).is_some();
            if !active {
                *at = place_of_absent(axis);
            }
            active
        })
        .collect()
    }

    /// The legal point next to any.
    pub(crate) fn snap(&self, point: &[f64]) -> Vec<f64> {
        self.coordinates(&self.encoding.decode(point))
    }
}
