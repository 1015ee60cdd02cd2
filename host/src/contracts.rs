//! Entry points are asked for their names: those whose modules are what their distributions state, and no others. What one
//! has said counts for as long as its code is the same.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::HereOptions;
use aisoc_pipeline::{Contract, ContractChecks, Discovered, PluginSource, SiteSources, check_contracts};

use crate::host::Host;

/// Which plugins are meant: nothing becomes of the others, so they are not asked.
pub(crate) type Meant<'a> = dyn Fn(&Discovered) -> bool + 'a;

impl Host {
    /// As [`check_contracts`], of those that are meant.
    pub(crate) fn ask_contracts(
        &self,
        options: &HereOptions,
        plugins: &[&Discovered],
        meant: &Meant<'_>,
    ) -> Result<Vec<Contract>> {
        let (launcher, site_packages) = (&self.settings.launcher, options.sources.site_packages()?);
        let (limits, memory) = (&options.limits, Some(&self.contracts));
        check_contracts(plugins, &ContractChecks { launcher, site_packages: &site_packages, limits, memory, meant })
    }

    /// Where modules are looked for, of a plugin that is imported by its name; none for any other.
    pub(crate) fn site_paths(&self, plugin: &Discovered) -> Result<Vec<std::path::PathBuf>> {
        let sources: &SiteSources = &self.settings.here.sources;
        if plugin.source == PluginSource::EntryPoint { sources.site_packages() } else { Ok(Vec::new()) }
    }
}
