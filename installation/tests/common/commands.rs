//! The commands that change and read a plugins directory, as the pipeline makes them, in trust mode `disabled`.

use std::path::{Path, PathBuf};

use aisoc_installation::{
    Access, Collected, InstallRecord, Installed, InstalledPlugin, PreviousVersion, Site, StagingDirectory,
};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{Limits, Staged};
use aisoc_signing::{Claim, Coverage};
use aisoc_testkit::layers::snapshot;
use aisoc_trust::{Examined, Policy, TrustMode, admit, examine};

/// What the gates say of a claim that nobody reads.
pub(crate) fn unread(claim: &Claim) -> Examined {
    let policy = Policy { is_unsigned_acknowledged: true, ..Policy::of(TrustMode::Disabled) };
    examine(&policy, claim, |_, _| Err(Fault::new(Reason::Internal, "unread")))
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
        session.activate(admitted, present, Some(staged), record, keep)
    })
}

pub(crate) fn restore(plugins: &Path, id: &PluginId, wanted: Option<&str>, access: &Access) -> Result<()> {
    let site = Site::at(plugins);
    foreseen(plugins, access, what_is_replaced, |access| {
        site.finish_interrupted(access)?;
        let previous = site.previous_tree(id, wanted, &Limits::default())?;
        let examined = unread(&previous.claim());
        let restored = site.session(access, |session| {
            let present = session.present(id)?;
            let admitted = admit(examined, &present).outcome?;
            session.restore(admitted, present, &previous, previous.record())
        });
        restored.map(|restored| restored.expect("nobody else moves it"))
    })
    .map(drop)
}

pub(crate) fn uninstall(plugins: &Path, id: &PluginId, access: &Access) -> Result<Vec<PathBuf>> {
    let site = Site::at(plugins);
    foreseen(
        plugins,
        access,
        |_| String::new(),
        |access| {
            if !site.can_be_uninstalled(id)? && !site.is_interrupted()? {
                return Err(site.not_installed(id));
            }
            site.session(access, |session| session.uninstall(id))
        },
    )
}

pub(crate) fn collect_garbage(plugins: &Path, keep: u8, access: &Access) -> Result<Collected> {
    // What cannot be removed is found out by removing it.
    let all = |Collected { removed, finished, leftovers, unfinished }: &Collected| {
        if leftovers.is_empty() { format!("{removed:?} {finished:?} {unfinished:?}") } else { String::new() }
    };
    foreseen(plugins, access, all, |access| Site::at(plugins).collect_garbage(keep, access))
}

/// Makes a change, after a dry run of it that changes nothing and says what `seen` shows of the change itself.
#[track_caller]
pub(crate) fn foreseen<T>(
    plugins: &Path,
    access: &Access,
    seen: impl Fn(&T) -> String,
    change: impl Fn(&Access) -> Result<T>,
) -> Result<T> {
    let state = || plugins.is_dir().then(|| snapshot(plugins));
    let before = state();
    let dry = change(&Access { dry_run: DryRun::Yes, ..access.clone() });
    assert_eq!(state(), before, "a dry run changes nothing");
    let made = change(access);
    match (&dry, &made) {
        (Ok(dry), Ok(made)) if !seen(made).is_empty() => assert_eq!(seen(dry), seen(made)),
        (Ok(_), Ok(_)) => {}
        (Err(dry), Err(made)) => assert_eq!((dry.reason(), dry.message()), (made.reason(), made.message())),
        (Ok(_), Err(made)) => {
            let only_found_out = [Reason::ExchangeUnsupported, Reason::IoNoSpace, Reason::IoError, Reason::Interrupted];
            assert!(only_found_out.contains(&made.reason()), "{made:?}");
        }
        (Err(dry), Ok(_)) => panic!("{dry:?}"),
    }
    made
}

/// What an [`Installed`] says of the change.
pub(crate) fn what_is_replaced(installed: &Installed) -> String {
    let Installed { path, previous, replaced, lowered_from, .. } = installed;
    format!("{path:?} {previous:?} {replaced:?} {lowered_from:?}")
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
