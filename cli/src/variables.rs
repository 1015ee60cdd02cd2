//! `Setting`: every variable by which somebody sets up aisoc, with what counts without it. One list, from which the manual's
//! page is made, `aisoc config show` answers, and a demonstration knows what to leave out.

mod list;
mod setting;

pub(crate) use self::list::{OF_OTHERS, SETTINGS};
pub(crate) use self::setting::{
    About, COVERAGE_RULES, DEFAULT_HOST_URL, DEFAULT_PLUGINS_DIR, DEFAULT_TRUSTED_KEYS_DIR, Effective, OneOf,
    PLUGIN_MODES, POLICY_USES, SANDBOXES, Setting, TRUST_MODES, Unset, Word,
};
