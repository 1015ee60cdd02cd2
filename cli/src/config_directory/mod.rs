//! `ConfigDirectory`: where a user has set up aisoc itself: the policy over its commands, the identity that the site is bound
//! to, and what is written down of registries.

mod directory;
mod policy;
mod registries;
mod strict_mode;

pub(crate) use self::directory::ConfigDirectory;
pub(crate) use self::policy::{POLICY_FILE, PolicyUse};
pub(crate) use self::strict_mode::StrictModeSetting;
