//! Entry points are asked for their names: those whose modules are what their distributions state, and no others.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::HereOptions;
use aisoc_pipeline::{
    Contract, ContractChecks, Discovered, PluginSource, SiteSources, check_contracts, read_admitted_code,
};

use crate::host::Host;

impl Host {
    /// As [`check_contracts`]; nothing of what is not as its distribution states it is run.
    pub(crate) fn ask_contracts(&self, options: &HereOptions, plugins: &[&Discovered]) -> Result<Vec<Contract>> {
        let (python, site_packages) = (&self.settings.loader.python, options.sources.site_packages()?);
        let held = |plugin: &&Discovered| match plugin.source {
            PluginSource::EntryPoint => {
                read_admitted_code(plugin, &site_packages, &options.limits, self.stopped()).map(drop)
            }
            _ => Ok(()),
        };
        let held: Vec<Result<()>> = plugins.iter().map(held).collect();
        let asked = plugins.iter().zip(&held).filter(|(_, held)| held.is_ok());
        let asked: Vec<&Discovered> = asked.map(|(plugin, _)| *plugin).collect();
        let checks = ContractChecks { python, site_packages: &site_packages, limits: &options.limits };
        let mut answers = check_contracts(&asked, &checks)?.into_iter();
        let answered = held.into_iter().map(|held| match held {
            Ok(()) => answers.next().unwrap_or(Contract::NotAsked),
            Err(fault) => Contract::Broken(fault),
        });
        Ok(answered.collect())
    }

    /// Where modules are looked for, of a plugin that is imported by its name; none for any other.
    pub(crate) fn site_paths(&self, plugin: &Discovered) -> Result<Vec<std::path::PathBuf>> {
        let sources: &SiteSources = &self.settings.here.sources;
        if plugin.source == PluginSource::EntryPoint { sources.site_packages() } else { Ok(Vec::new()) }
    }
}
