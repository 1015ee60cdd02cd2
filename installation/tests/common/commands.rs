//! The commands that change and read a plugins directory, as the pipeline makes them, in trust mode `disabled`.

use std::path::{Path, PathBuf};

use aisoc_installation::{
    Access, Collected, InstallRecord, Installed, InstalledPlugin, PreviousVersion, Site, StagingDirectory,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{Limits, Staged};
use aisoc_signing::{Claim, Coverage};
use aisoc_trust::{Examined, Policy, TrustMode, admit, examine};

/// What the gates say of a claim that nobody reads.
pub(crate) fn unread(claim: &Claim) -> Examined {
    examine(&Policy::of(TrustMode::Disabled), claim, |_, _| Err(Fault::new(Reason::Internal, "unread")))
}

pub(crate) fn admission(staged: &Staged<StagingDirectory>) -> Examined {
    unread(&staged.claim().expect("a claim"))
}

pub(crate) fn activate(
    examined: Examined,
    staged: Staged<StagingDirectory>,
    record: &InstallRecord,
    keep: u8,
    access: &Access,
) -> Result<Installed> {
    let site = Site::at(staged.place().plugins());
    site.require_possible(&record.id)?;
    site.session(access, |session| {
        let present = session.present(&record.id)?;
        let admitted = admit(examined, &present).outcome?;
        session.activate(admitted, present, staged, record, keep)
    })
}

pub(crate) fn restore(plugins: &Path, id: &PluginId, wanted: Option<&str>, access: &Access) -> Result<()> {
    let site = Site::at(plugins);
    site.finish_interrupted(access)?;
    let previous = site.previous_tree(id, wanted, &Limits::default())?;
    let examined = unread(&previous.claim());
    let restored = site.session(access, |session| {
        let present = session.present(id)?;
        let admitted = admit(examined, &present).outcome?;
        session.restore(admitted, present, &previous, previous.record())
    });
    assert!(restored?.is_some(), "nobody else moves it");
    Ok(())
}

pub(crate) fn uninstall(plugins: &Path, id: &PluginId, access: &Access) -> Result<Vec<PathBuf>> {
    let site = Site::at(plugins);
    if !site.can_be_uninstalled(id)? && !site.is_interrupted()? {
        return Err(site.not_installed(id));
    }
    site.session(access, |session| session.uninstall(id))
}

pub(crate) fn collect_garbage(plugins: &Path, keep: u8, access: &Access) -> Result<Collected> {
    Site::at(plugins).collect_garbage(keep, access)
}

pub(crate) fn finish_interrupted(plugins: &Path, access: &Access) -> Result<()> {
    Site::at(plugins).finish_interrupted(access)
}

pub(crate) fn kept_versions(plugins: &Path, id: &PluginId) -> Result<Vec<PreviousVersion>> {
    Site::at(plugins).previous_versions(id)
}

/// The record of the tree of `id` that is in place.
pub(crate) fn read_record(plugins: &Path, id: &PluginId) -> Result<Option<InstallRecord>> {
    Site::at(plugins).read(id.as_str().as_ref()).map_or(Ok(None), |plugin| plugin.record)
}

/// What a host would discover, sorted by name.
pub(crate) fn installed(plugins: &Path) -> Result<Vec<InstalledPlugin>> {
    let site = Site::at(plugins);
    let directories = site.observe()?.directories();
    Ok(directories.iter().filter_map(|directory| site.read(directory)).filter(|plugin| plugin.path.exists()).collect())
}

pub(crate) fn coverage_floor(plugins: &Path, id: &PluginId) -> Result<Coverage> {
    Site::at(plugins).observe()?.facts(id, &Access::default())?.coverage_floor
}
