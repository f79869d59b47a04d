//! What the tests of several schedulers need: a study moved by hand, and the decisions of other tools.

pub(crate) mod course;
pub(crate) mod golden;
