//! `DoctorOptions`: which site is looked at, and by what.

use std::path::PathBuf;

use aisoc_installation::Site;
use aisoc_trust::PluginMode;
use aisoc_trust::lockfile::LockPath;
use jiff::{SignedDuration, Timestamp};

use crate::accepted::HereOptions;

/// What is looked at.
#[derive(Debug)]
pub struct DoctorOptions {
    /// The plugins directory.
    pub site: Site,
    /// Every place where plugins are looked for, and whom to trust.
    pub here: HereOptions,
    /// The lock, or where it would be.
    pub lock: LockPath,
    /// Whether what the lock does not accept is refused.
    pub mode: PluginMode,
    /// What the clock says.
    pub clock: Timestamp,
    /// Warn of keys that end within that time.
    pub within: SignedDuration,
    /// The program that asks entry points for their names, as it was found; nothing where there is none.
    pub python: Option<PathBuf>,
    /// Whether others than its operators use the host.
    pub host: Host,
}

/// Who uses a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Those who run it.
    Own,
    /// Others as well.
    Shared,
}
