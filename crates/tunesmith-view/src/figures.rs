//! Numbers as people read them: metrics, durations, money, hyperparameters. It refuses more digits
//! than help.

use tunesmith_core::Value;

/// A metric or a loss: four decimals, or three significant digits where that says more.
pub fn metric(value: f64) -> String {
    if !value.is_finite() || value == 0.0 || (0.001..10_000.0).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

/// A length of time: `850 ms`, `12.3 s`, `4m07s`, `2h05m`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
    }
}

/// Minutes with as many decimals as they need.
pub fn minutes(seconds: f64) -> String {
    format!("{:.2}", seconds / 60.0)
}

/// Money without its currency: in hundredths, below a tenth in ten-thousandths.
pub fn money(value: f64) -> String {
    if value == 0.0 || value >= 0.1 { format!("{value:.2}") } else { format!("{value:.4}") }
}

/// A hyperparameter: as it would be written in a study file, to four significant digits.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if (0.001..100_000.0).contains(&value.abs()) {
        let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        return text.to_owned();
    }
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => {
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A parameter's value in short.
pub fn short_value(value: &Value) -> String {
    match value {
        Value::Float(real) => number(*real),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_right() {
        let shown = [
            metric(0.7328),
            metric(123_456.0),
            metric(0.000_012),
            metric(0.0),
            duration(0.85),
            duration(12.34),
            duration(247.0),
            duration(7500.0),
            money(2.304),
            money(0.004_21),
            money(0.0),
            number(0.0),
            number(2e-5),
            number(3.456_78e-5),
            number(0.1),
            number(16.0),
            number(0.062_345),
        ];
        expect_test::expect!["0.7328 1.23e5 1.20e-5 0.0000 850 ms 12.3 s 4m07s 2h05m 2.30 0.0042 0.00 0 2e-5 3.457e-5 0.1 16 0.06234"]
            .assert_eq(&shown.join(" "));
    }
}
