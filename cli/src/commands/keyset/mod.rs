//! `aisoc keys export` and `aisoc keys sync`: a directory of keys as a signed set, for the many sites that follow it.

pub(super) mod export;
pub(super) mod sync;
