//! Grammar without meaning.

pub(crate) mod durations;
pub(crate) mod options;
pub(crate) mod targets;
pub(crate) mod templates;
