//! Where a study's log is kept, and which of its checkpoint files may go.

pub mod atomic;
pub mod checkpoints;
