//! `[hooks.require]`: the plugins without which a hook comes to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aisoc_host::RequiredHandlers;
use aisoc_manifests::dependencies::require_name;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::hook::Hook;
use aisoc_manifests::text::shown;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenHooks {
    #[serde(default)]
    require: BTreeMap<String, BTreeSet<String>>,
}

impl WrittenHooks {
    /// At which hooks which plugins have to be, as the file of that path has it.
    ///
    /// # Errors
    /// `configuration_invalid` for a hook that there is none of, and for what is no name of a plugin.
    pub(super) fn required(self, path: &Path) -> Result<RequiredHandlers> {
        let refused = |what: String, hint: &str| {
            let what = format!("`{}`, `[hooks.require]`: {what}", path.display());
            Fault::new(Reason::ConfigurationInvalid, what).hint(hint)
        };
        let of = |(name, plugins): (String, BTreeSet<String>)| {
            let hook: Hook = name.parse().map_err(|fault: Fault| refused(fault.to_string(), fault.next_step()))?;
            if hook == Hook::ConfigValidate {
                let what = format!("`{hook}` is fired while plugins are registered, when nobody can be there yet");
                return Err(refused(what, "leave it out: who is not registered decides nothing"));
            }
            match plugins.iter().find(|name| require_name(name).is_err()) {
                Some(name) => Err(refused(
                    format!("`{}` is no name of a plugin of hooks", shown(name, 80)),
                    "write the name that its manifest has: `aisoc api hooks` lists those that are registered",
                )),
                None => Ok((hook, plugins)),
            }
        };
        self.require.into_iter().map(of).collect()
    }
}
