//! The JSON in which logs and configurations are kept and exchanged.
//!
//! Refuses what it does not know: an unknown field, fact or format version is an error, never skipped.

use thiserror::Error;

/// The version of the format that this build writes, and the latest that it reads.
pub const FORMAT: u32 = 1;

/// Why a JSON text is not what it should be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written by a later version.
    #[error(
        "written in format {found}, and this version reads up to {FORMAT}; use a newer tunesmith"
    )]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// No JSON, or not of the right shape.
    #[error("not of the right shape: {0}")]
    Json(#[from] serde_json::Error),
    /// A search space that cannot be.
    #[error(transparent)]
    Space(#[from] crate::space::SpaceError),
    /// An expression that cannot be.
    #[error("the expression of {parameter}: {source}")]
    Expression {
        /// Whose.
        parameter: String,
        /// Why.
        source: crate::space::ParseError,
    },
}
