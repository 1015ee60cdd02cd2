//! `aisoc keys endorse|accept`: a key that names its successor, and a site that follows it when it is asked to.

pub(super) mod accept;
pub(super) mod endorse;
mod file;
