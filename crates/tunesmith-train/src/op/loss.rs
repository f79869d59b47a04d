//! Losses of the classifier: cross entropy with label smoothing and class weights, and the mean
//! squared error of a regression, each with its gradient.
//!
//! Cross entropy is PyTorch's `cross_entropy(weight, label_smoothing)` with reduction `mean`:
//! class weights weigh the smoothed terms too, and the mean is over the weights of the targets.
//! This file refuses to hide a NaN: a loss that is none goes to the caller as it is.

/// What a row should have given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Targets<'a> {
    /// Class ids.
    Classes(&'a [u32]),
    /// Real scores, one a row.
    Scores(&'a [f32]),
}

/// How cross entropy is bent, per slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bend<'a> {
    /// Part of the target that is spread over all classes.
    pub(crate) smoothing: f32,
    /// A weight per class; `None` weighs all the same.
    pub(crate) weights: Option<&'a [f32]>,
}

/// The loss of one slot's rows, and the gradient of `logits` (`[rows, classes]`) times `scale`
/// into `gradient`.
pub(crate) fn loss(
    logits: &[f32],
    classes: usize,
    targets: Targets<'_>,
    bend: Bend<'_>,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    match targets {
        Targets::Scores(scores) => squared_error(logits, scores, scale, gradient),
        Targets::Classes(ids) => cross_entropy(logits, classes, ids, bend, scale, gradient),
    }
}

fn squared_error(outputs: &[f32], scores: &[f32], scale: f32, gradient: &mut [f32]) -> f64 {
    let count = scores.len() as f32;
    let mut total = 0.0;
    for ((output, score), d) in outputs.iter().zip(scores).zip(gradient) {
        let error = output - score;
        total += f64::from(error * error);
        *d = 2.0 * error * scale / count;
    }
    total / f64::from(count)
}

fn cross_entropy(
    logits: &[f32],
    classes: usize,
    ids: &[u32],
    bend: Bend<'_>,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let weight = |class: usize| bend.weights.map_or(1.0, |weights| weights[class]);
    let all: f32 = (0..classes).map(weight).sum();
    let mass: f32 = ids.iter().map(|id| weight(*id as usize)).sum();
    let spread = bend.smoothing / classes as f32;
    let mut total = 0.0;
    let lines = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((row, d), id) in lines.zip(ids) {
        let target = *id as usize;
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|x| (x - largest).exp()).sum();
        let normaliser = largest + sum.ln();
        let own = (1.0 - bend.smoothing) * weight(target);
        let pull = own + spread * all;
        for (class, (x, d)) in row.iter().zip(d).enumerate() {
            let wanted = spread * weight(class) + if class == target { own } else { 0.0 };
            total += f64::from(wanted * (normaliser - x));
            *d = ((x - normaliser).exp() * pull - wanted) * scale / mass;
        }
    }
    total / f64::from(mass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_difference_of_the_loss() {
        let mut logits = vec![0.3, -1.2, 0.8, 2.0, 0.1, -0.4];
        let weights = [0.5, 2.0, 1.0];
        for bend in [
            Bend { smoothing: 0.0, weights: None },
            Bend { smoothing: 0.1, weights: None },
            Bend { smoothing: 0.2, weights: Some(&weights) },
        ] {
            let mut gradient = vec![0.0; 6];
            let mut unused = vec![0.0; 6];
            let targets = Targets::Classes(&[2, 0]);
            loss(&logits, 3, targets, bend, 1.0, &mut gradient);
            for i in 0..6 {
                let h = 1e-2;
                logits[i] += h;
                let above = loss(&logits, 3, targets, bend, 1.0, &mut unused);
                logits[i] -= 2.0 * h;
                let below = loss(&logits, 3, targets, bend, 1.0, &mut unused);
                logits[i] += h;
                let difference = (above - below) / f64::from(2.0 * h);
                assert!((difference - f64::from(gradient[i])).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn a_nan_logit_gives_a_nan_loss() {
        let bend = Bend { smoothing: 0.0, weights: None };
        let mut gradient = [0.0; 2];
        assert!(
            loss(&[f32::NAN, 0.0], 2, Targets::Classes(&[0]), bend, 1.0, &mut gradient).is_nan()
        );
    }
}
