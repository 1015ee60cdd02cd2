//! `Subject`: what a user names to look at: a source, or an installed plugin by its id.
//!
//! One rule for every command. What is a path or a reference is that ([`Source`]); a word that is neither, and that
//! an id can be, is the plugin of that id in the plugins directory. So a path wins over an id, as it does in every
//! shell, and `plugins verify ID` names an installed plugin whatever the current directory holds.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aisoc_installation::Site;
use aisoc_manifests::digest::Algorithm;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;

use crate::source::Source;

/// What a user named.
#[derive(Debug)]
pub enum Subject {
    /// A directory or an artifact.
    Source(Source),
    /// A plugin that is installed.
    Installed {
        /// Its id.
        id: PluginId,
        /// Where it is.
        directory: PathBuf,
    },
}

impl Subject {
    /// Where the installed plugin is that the same word would have named, had it not named a path; nothing where that path
    /// is the plugin.
    pub fn passed_over(&self, word: impl AsRef<OsStr>, site: &Site) -> Option<PathBuf> {
        let Self::Source(_) = self else { return None };
        let word = word.as_ref();
        let id: PluginId = word.to_str()?.parse().ok()?;
        let place = site.observe().ok()?.place_of(&id)?;
        (Path::new(word).canonicalize().ok()? != place.canonicalize().ok()?).then_some(place)
    }

    /// Tells what `text` names.
    ///
    /// # Errors
    /// As [`Source::parse`]; `io_not_found` for what is no path, no reference and no plugin of that site; I/O
    /// reasons when the site cannot be listed.
    pub fn parse(text: impl AsRef<OsStr>, site: &Site) -> Result<Self> {
        let text = text.as_ref();
        // No path and no reference that anybody means begins so.
        let digits = text.to_str().and_then(Algorithm::digits);
        let text = digits.filter(|digits| !Path::new(text).exists() && digits.len() >= 12).map_or(text, OsStr::new);
        let missing = match Source::parse(text) {
            Ok(source) => return Ok(Self::Source(source)),
            Err(fault) if fault.reason() != Reason::IoNotFound => return Err(fault),
            Err(fault) => fault,
        };
        // What is spelled as a path is none: an id holds no `/`.
        let Some(id) = text.to_str().and_then(|text| text.parse::<PluginId>().ok()) else {
            return Err(missing);
        };
        let id = installed(&id, site)?;
        match site.observe()?.place_of(&id) {
            Some(directory) => Ok(Self::Installed { id, directory }),
            None => Err(no_such(&id, site)),
        }
    }
}

/// The id that is meant: the word itself, or where nothing has that id the plugin of the artifact digest that begins
/// so, as listings print it.
///
/// # Errors
/// I/O reasons when the site cannot be listed.
pub fn installed(word: &PluginId, site: &Site) -> Result<PluginId> {
    if !word.as_str().bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(word.clone());
    }
    let observed = site.observe()?;
    Ok(match observed.place_of(word) {
        Some(_) => word.clone(),
        None => observed.id_of_digest(word.as_str()).unwrap_or_else(|| word.clone()),
    })
}

/// All readings, none of which leads anywhere.
fn no_such(id: &PluginId, site: &Site) -> Fault {
    let plugins = site.path().display();
    let message = format!("there is no file or directory `{id}`, and no plugin `{id}` in `{plugins}`");
    Fault::new(Reason::IoNotFound, message).hint(
        "check the word: a path may be written `./NAME`, an installed plugin is its id, and what is in a registry is \
         written HOST/REPOSITORY:TAG",
    )
}
