//! Entry points are asked for their names: those whose modules are what their distributions state, and no others.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::HereOptions;
use aisoc_pipeline::{Contract, ContractChecks, Discovered, PluginSource, SiteSources, check_contracts};

use crate::hooks::known::place_of;
use crate::host::Host;

impl Host {
    /// As [`check_contracts`].
    pub(crate) fn ask_contracts(&self, options: &HereOptions, plugins: &[&Discovered]) -> Result<Vec<Contract>> {
        let (launcher, site_packages) = (&self.settings.launcher, options.sources.site_packages()?);
        let checks = ContractChecks { launcher, site_packages: &site_packages, limits: &options.limits };
        let contracts = check_contracts(plugins, &checks)?;
        let said = plugins.iter().zip(&contracts).filter_map(|(plugin, contract)| match contract {
            Contract::Id(.., Some(said)) => Some((place_of(plugin), said.as_ref().clone())),
            _ => None,
        });
        self.hooks.note_checked(said.collect());
        Ok(contracts)
    }

    /// Where modules are looked for, of a plugin that is imported by its name; none for any other.
    pub(crate) fn site_paths(&self, plugin: &Discovered) -> Result<Vec<std::path::PathBuf>> {
        let sources: &SiteSources = &self.settings.here.sources;
        if plugin.source == PluginSource::EntryPoint { sources.site_packages() } else { Ok(Vec::new()) }
    }
}
