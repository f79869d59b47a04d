//! A study in one file: the picture and the curves put into a page that brings its own script. It refuses to let data
//! end the element that they stand in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tunesmith_core::Study;

use crate::curves::curves;

/// Where the data goes in the page.
const PLACE: &str = "__TUNESMITH_DATA__";
/// Points of all curves of a metric that a page holds: 12 bytes each, 16 in base 64.
const MOST_POINTS: usize = 40_000;

/// The page with the data of a study in it; `None` where the page has no place for them.
pub fn report(page: &str, study: &Study, picture: &Json) -> Option<String> {
    let curves = |metric| STANDARD.encode(curves(study, metric, Some(MOST_POINTS)));
    let curves: Vec<String> = study.metrics().iter().map(curves).collect();
    let data = json!({ "picture": picture, "curves": curves }).to_string();
    let (before, after) = page.split_once(PLACE)?;
    Some([before, &data.replace('<', "\\u003c"), after].concat())
}
