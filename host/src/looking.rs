//! How a host looks at its sources: by the keys, the lock and the time of now, and by what operators mean.

use std::cell::RefCell;
use std::mem;
use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::{HereOptions, LockNow, list};
use aisoc_pipeline::{Contract, Discovered, PluginSource, SiteSources};
use aisoc_trust::{PluginMode, Traces, lock_missing};

use crate::contracts::Meant;
use crate::found::{Found, Verdict};
use crate::held::locked;
use crate::host::Host;
use crate::settings::Settings;

/// How plugins are asked for their names.
type Check<'a> = dyn Fn(&HereOptions, &[&Discovered]) -> Result<Vec<Contract>> + 'a;

impl Host {
    /// One look at every source, by the keys, the lock and the time of now.
    pub(crate) fn look(&self) -> Result<Vec<Found>> {
        self.list(None, &|options, plugins| self.ask_contracts(options, plugins, &|_| true))
    }

    /// As [`Host::look`], of what is in one place: what is elsewhere is asked nothing.
    pub(crate) fn look_in(&self, place: &Path) -> Result<Vec<Found>> {
        self.look_in_for(place, None)
    }

    /// As [`Host::look_in`], as if that directory of that plugin were meant.
    pub(crate) fn look_in_for(&self, place: &Path, asked_for: Option<(&str, &str)>) -> Result<Vec<Found>> {
        let mut found = self.look_for(asked_for, &|plugin| plugin.place == place)?;
        found.retain(|found| found.place == place);
        Ok(found)
    }

    /// As [`Host::look`], of what is admitted of a distribution.
    pub(crate) fn look_of(&self, distribution: &str) -> Result<Vec<Found>> {
        let is_of = |plugin: &Discovered| plugin.source == PluginSource::EntryPoint && plugin.package == distribution;
        let mut found = self.look_for(None, &is_of)?;
        found.retain(|found| matches!(&found.verdict, Verdict::Admitted(plugin) if is_of(plugin)));
        Ok(found)
    }

    fn look_for(&self, asked_for: Option<(&str, &str)>, meant: &Meant<'_>) -> Result<Vec<Found>> {
        self.list(asked_for, &|options, plugins| self.ask_contracts(options, plugins, meant))
    }

    /// As [`Host::look`], by whoever loads nothing: no code of a plugin is run to ask for its name.
    pub(crate) fn look_at_disk(&self) -> Result<()> {
        self.list(None, &|_, plugins| Ok(plugins.iter().map(|_| Contract::NotAsked).collect())).map(drop)
    }

    pub(crate) fn list(&self, asked_for: Option<(&str, &str)>, check: &Check<'_>) -> Result<Vec<Found>> {
        let one = RefCell::new(Some(locked(&self.looking)));
        let before = self.admitted();
        let options = self.trusting(asked_for)?;
        let lock = match self.lock_now() {
            LockNow::None => None,
            LockNow::Says(_, lock) => Some(lock),
            LockNow::Unknown(fault) => return Err(fault),
        };
        let lock = (&self.settings.lock_path, lock.as_ref());
        let check = |plugins: &[&Discovered]| {
            // An import takes as long as it takes, and no other look waits for that.
            drop(one.take());
            check(&options, plugins)
        };
        let mut listing = list(&options, self.settings.mode, lock, &check, Traces::Dropped)?;
        let noticed = mem::take(&mut listing.noticed);
        let found = Found::all(listing);
        let _one = one.take().unwrap_or_else(|| locked(&self.looking));
        self.tell_of_sources(&noticed, &found);
        self.compare_with_disk(&found, &before);
        Ok(found)
    }

    /// The keys and the time of now.
    pub(crate) fn trusting(&self, asked_for: Option<(&str, &str)>) -> Result<HereOptions> {
        let Settings { here, judging_time, .. } = &self.settings;
        let mut trust = here.trust.clone();
        trust.at = judging_time()?;
        Ok(HereOptions {
            sources: self.sources(asked_for),
            trust,
            limits: here.limits.clone(),
            shared_directories: here.shared_directories,
        })
    }

    /// The lock of now.
    pub(crate) fn lock_now(&self) -> LockNow {
        let Settings { mode, lock, lock_path, .. } = &self.settings;
        match (lock(), mode) {
            (Ok(Some(lock)), _) => LockNow::Says(lock_path.to_path_buf(), lock),
            (Ok(None), PluginMode::Production) => LockNow::Unknown(lock_missing(lock_path)),
            (Ok(None), _) => LockNow::None,
            (Err(fault), _) => LockNow::Unknown(fault),
        }
    }

    /// Where plugins are looked for, with what operators have said of which are meant.
    pub(crate) fn sources(&self, asked_for: Option<(&str, &str)>) -> SiteSources {
        let sources = self.settings.here.sources.clone();
        let mut meant = self.switches.all_meant();
        meant.extend(asked_for.map(|(id, directory)| (id.to_owned(), directory.to_owned())));
        let site = sources.site.map(|site| {
            let place = |(id, directory): (String, String)| Some((id.parse().ok()?, site.path().join(directory)));
            let meant = meant.into_iter().filter_map(place).collect();
            site.meaning(meant)
        });
        SiteSources { site, ..sources }
    }
}
