//! The best value so far over device minutes, a line for each study, as SVG. It refuses to draw anything else.

use std::fmt::Write;

use tunesmith_core::{Study, TrialState};

use super::outcome::Contest;
use tunesmith_view::figures;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 46.0;
const TOP: f64 = 16.0;
const RIGHT: f64 = 150.0;

/// Okabe and Ito's colours, which colour-blind people tell apart.
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// Device minutes and the best value by then, each time that it changed, and at the end.
type Curve = Vec<(f64, f64)>;

/// The picture.
pub(super) fn svg(contest: &Contest) -> String {
    let curves: Vec<Vec<Curve>> = contest
        .contestants
        .iter()
        .map(|one| one.scores.iter().map(|score| curve(&score.study)).collect())
        .collect();
    let points = || curves.iter().flatten().flatten();
    let most = points().map(|(minutes, _)| *minutes).fold(0.0, f64::max);
    let low = points().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let frame =
        Frame { most: most.max(1e-9), low, high: if high > low { high } else { low + 1.0 } };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    if low.is_finite() {
        frame.axes(&mut out, &contest.metric);
        for (index, (one, curves)) in contest.contestants.iter().zip(&curves).enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            curves.iter().for_each(|curve| frame.line(&mut out, curve, colour));
            let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 14.0 + 18.0 * index as f64);
            let label = escaped(&one.label);
            let _ = writeln!(
                out,
                "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
                 <text x=\"{}\" y=\"{}\">{label}</text>",
                x + 18.0,
                x + 24.0,
                y + 4.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// By the order in which trials ended; what a trial used counts when it ends.
fn curve(study: &Study) -> Curve {
    let Some(metric) = study.metrics().first() else { return Curve::new() };
    let (mut minutes, mut best, mut curve) = (0.0, None, Curve::new());
    for trial in study.finished().filter(|trial| !study.is_replica(trial)) {
        minutes += trial.device_seconds / 60.0;
        let value = trial.value(metric).filter(|_| trial.state == TrialState::Completed);
        let better = value.filter(|new| best.is_none_or(|old| metric.goal.is_better(*new, old)));
        if let Some(value) = better {
            best = Some(value);
            curve.push((minutes, value));
        }
    }
    curve.extend(best.map(|best| (minutes, best)));
    curve
}

struct Frame {
    most: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, minutes: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * minutes / self.most
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    fn axes(&self, out: &mut String, metric: &str) {
        let (floor, end) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {TOP}V{floor}H{end}\" fill=\"none\" stroke=\"#444\"/>"
        );
        for part in 0..=4 {
            let share = f64::from(part) / 4.0;
            let value = self.low + share * (self.high - self.low);
            let minutes = share * self.most;
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                LEFT - 6.0,
                self.y(value) + 4.0,
                figures::number((value * 1e4).round() / 1e4),
                self.x(minutes),
                floor + 16.0,
                figures::number((minutes * 100.0).round() / 100.0),
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">device minutes</text>\
             <text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">best {}</text>",
            f64::midpoint(LEFT, end),
            HEIGHT - 8.0,
            f64::midpoint(TOP, floor),
            escaped(metric),
        );
    }

    fn line(&self, out: &mut String, curve: &Curve, colour: &str) {
        let Some((first, rest)) = curve.split_first() else { return };
        let mut path = format!("M{:.1} {:.1}", self.x(first.0), self.y(first.1));
        for (minutes, value) in rest {
            let _ = write!(path, "H{:.1}V{:.1}", self.x(*minutes), self.y(*value));
        }
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-opacity=\"0.75\"/>\
             <circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
            self.x(first.0),
            self.y(first.1)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_text() {
        assert_eq!(escaped("<b>\"a\" & b</b>"), "&lt;b&gt;&quot;a&quot; &amp; b&lt;/b&gt;");
    }
}
