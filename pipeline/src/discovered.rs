//! What is here: the plugins of every source, found in one pass.
//!
//! Whether they may be loaded is asked of them one by one afterwards, by whoever lists, trusts or loads them; entry
//! points are held to their contracts last ([`check_contracts`](crate::check_contracts)).

use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovery, DropinFile, Note, Sources, StatedPlugins, UserPlugins, discover};
use aisoc_files::names_in;
use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_packaging::Limits;

use crate::event_log::Occurrence;

/// Most names in the `lib` of a virtual environment.
const MAX_LIB_NAMES: usize = 1000;

/// Where a site's plugins come from, as its flags and its environment say.
#[derive(Debug, Default, Clone)]
pub struct SiteSources {
    /// The plugins directory, which need not exist.
    pub site: Option<Site>,
    /// Where Python finds distributions, in the order in which it looks.
    pub site_packages: Vec<PathBuf>,
    /// The virtual environment that counts when no such directory is named.
    pub virtual_env: Option<PathBuf>,
    /// Where drop-ins are, in its `plugins`. It need not exist.
    pub data_dir: Option<PathBuf>,
    /// Whether drop-ins count.
    pub user_plugins: UserPlugins,
}

impl SiteSources {
    /// Those that are named, or those of the virtual environment; none without either.
    ///
    /// # Errors
    /// I/O reasons for a virtual environment that cannot be listed.
    pub fn site_packages(&self) -> Result<Vec<PathBuf>> {
        match &self.virtual_env {
            Some(environment) if self.site_packages.is_empty() => site_packages_of(environment),
            _ => Ok(self.site_packages.clone()),
        }
    }
}

/// What a pass has noticed beside the plugins themselves: whoever shows what is here says it.
#[derive(Debug, Default)]
pub struct Noticed {
    /// What somebody should know.
    pub notes: Vec<Note>,
    /// Every drop-in that counts: where it is, and which bytes it has.
    pub dropin_files: Vec<DropinFile>,
    /// What hosts have names for, of these and of ids that two plugins have.
    pub occurrences: Vec<Occurrence>,
}

impl Noticed {
    /// Takes it out of what was found.
    pub(crate) fn of(discovery: &mut Discovery) -> Self {
        let Discovery { failed, notes, dropin_files, .. } = discovery;
        let duplicates =
            failed.iter().filter_map(|failed| Occurrence::of_duplicate(&failed.name, &failed.place, &failed.fault));
        let dropins = dropin_files.iter().map(Occurrence::of_dropin);
        // Why a file has no hash is said before the line that has none.
        let occurrences = notes.iter().filter_map(Occurrence::of_note).chain(dropins).chain(duplicates).collect();
        Self { occurrences, notes: std::mem::take(notes), dropin_files: std::mem::take(dropin_files) }
    }
}

/// Looks at every source of a site. The program itself has no plugins compiled in.
///
/// # Errors
/// `interrupted`, and I/O reasons for a virtual environment that cannot be listed. What cannot be read of a source is in
/// [`Discovery::failed`].
pub fn discover_site(sources: &SiteSources, limits: &Limits) -> Result<Discovery> {
    discover_beside(sources, StatedPlugins::new(), limits)
}

/// As [`discover_site`]; what is in `stated` was read by whoever has judged it, and is not read again.
///
/// # Errors
/// As [`discover_site`].
pub(crate) fn discover_beside(sources: &SiteSources, stated: StatedPlugins, limits: &Limits) -> Result<Discovery> {
    let sources = Sources {
        compiled: None,
        site: sources.site.clone(),
        site_packages: sources.site_packages()?,
        data_dir: sources.data_dir.clone(),
        user_plugins: sources.user_plugins,
        stated,
    };
    discover(&sources, limits)
}

/// `lib/python3.*/site-packages`, in order of their names.
fn site_packages_of(environment: &Path) -> Result<Vec<PathBuf>> {
    let lib = environment.join("lib");
    let mut names = names_in(&lib, MAX_LIB_NAMES).map_err(|error| Fault::io("list", &lib, error))?;
    names.sort();
    let of_python = names.iter().filter(|name| name.to_string_lossy().starts_with("python3."));
    let directories = of_python.map(|name| lib.join(name).join("site-packages"));
    Ok(directories.filter(|directory| directory.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_virtual_environment_counts_where_no_directory_is_named() {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["python3.9", "python3.12", "python2.7", "pkgconfig"] {
            fs::create_dir_all(root.path().join("lib").join(name).join("site-packages")).expect("made");
        }
        fs::create_dir(root.path().join("lib/python3.13")).expect("made");
        let of_environment = |site_packages: &[&str]| SiteSources {
            site_packages: site_packages.iter().map(PathBuf::from).collect(),
            virtual_env: Some(root.path().to_owned()),
            ..SiteSources::default()
        };
        let found = of_environment(&[]).site_packages().expect("listed");
        assert_eq!(
            found,
            ["python3.12", "python3.9"].map(|name| root.path().join("lib").join(name).join("site-packages"))
        );
        assert_eq!(of_environment(&["named"]).site_packages().expect("named"), [PathBuf::from("named")]);
        assert!(SiteSources::default().site_packages().expect("none").is_empty());
        let absent = SiteSources { virtual_env: Some(root.path().join("absent")), ..SiteSources::default() };
        assert!(absent.site_packages().expect("none").is_empty());
    }
}
