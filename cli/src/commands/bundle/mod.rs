//! `aisoc bundle …`: plugins in one file, for places that no network leads to.

pub(super) mod export;
pub(super) mod import;
