//! The pass: every source in its order, and who has claimed an id first.

use std::collections::HashMap;
use std::path::PathBuf;

use aisoc_installation::{Site, escaped};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_packaging::Limits;

use crate::compiled::Compiled;
use crate::directory::StatedPlugins;
use crate::discovered::{About, Discovered, Discovery, Failed, Found, Note, Origin, Source};
use crate::dropin::UserPlugins;
use crate::{directory, distribution, dropin};

/// Where to look.
#[derive(Debug, Default)]
pub struct Sources {
    /// What the running program holds. The command line holds nothing.
    pub compiled: Option<Compiled>,
    /// The plugins directory, which need not exist.
    pub site: Option<Site>,
    /// Where Python finds distributions, in the order in which it looks.
    pub site_packages: Vec<PathBuf>,
    /// Where drop-ins are, in its `plugins`. It need not exist.
    pub data_dir: Option<PathBuf>,
    /// Whether drop-ins count.
    pub user_plugins: UserPlugins,
    /// What somebody has read already of the plugins directory.
    pub stated: StatedPlugins,
}

/// Looks at every source.
///
/// # Errors
/// `interrupted`, and `io_error` when no thread can be started. What cannot be read, a whole source too, is in
/// [`Discovery::failed`].
pub fn discover(sources: &Sources, limits: &Limits) -> Result<Discovery> {
    let (mut claims, mut notes, mut dropin_files) = (Claims::default(), Vec::new(), Vec::new());
    if let Some(compiled) = &sources.compiled {
        claims.add(compiled.plugins().into_iter().map(Ok).collect());
    }
    if let Some(site) = &sources.site {
        claims.add(directory::plugins(site, &sources.stated, &mut notes, limits)?);
    }
    claims.add(distribution::plugins(&sources.site_packages, &mut notes, limits)?);
    if let Some(data_dir) = &sources.data_dir {
        let dropins = dropin::plugins(data_dir, sources.user_plugins, limits)?;
        notes.extend(dropins.notes);
        dropin_files = dropins.files;
        claims.add(dropins.found);
    }
    limits.cancellation.check()?;
    let mut discovery = claims.discovery;
    // What took the place of another stands where its source does. Seldom is there any, and sorting needs room for all
    // of it once more.
    if !discovery.plugins.is_sorted_by_key(|plugin| plugin.source) {
        discovery.plugins.sort_by_key(|plugin| plugin.source);
    }
    discovery.notes.splice(0..0, notes);
    discovery.dropin_files = dropin_files;
    Ok(discovery)
}

/// Ids and who has them.
#[derive(Default)]
struct Claims {
    discovery: Discovery,
    /// The id, and where its plugin stands in the list.
    ids: HashMap<String, usize>,
}

impl Claims {
    fn add(&mut self, found: Vec<Found>) {
        self.discovery.plugins.reserve(found.len());
        for found in found {
            match found {
                Ok(plugin) => self.claim(plugin),
                Err(failed) => self.discovery.failed.push(*failed),
            }
        }
    }

    fn claim(&mut self, plugin: Discovered) {
        let plugins = &mut self.discovery.plugins;
        let Some(first) = self.ids.get(&plugin.id) else {
            self.ids.insert(plugin.id.clone(), plugins.len());
            plugins.push(plugin);
            return;
        };
        let first = &mut plugins[*first];
        if overrides(first, &plugin) {
            self.discovery.notes.push(overridden(first, &plugin));
            *first = plugin;
        } else {
            let fault = duplicate(first, &plugin);
            self.discovery.failed.push(Failed::of(plugin, fault));
        }
    }
}

/// A file of the operator's takes the place of what the host was built with, as hosts do it. Nothing else takes any.
fn overrides(first: &Discovered, second: &Discovered) -> bool {
    (first.source, second.source) == (Source::Compiled, Source::Dropin)
}

fn overridden(first: &Discovered, second: &Discovered) -> Note {
    let place = escaped(second.place.as_os_str());
    Note {
        warning: Warning::PluginAlreadyRegistered,
        message: format!("`{place}` takes the place of the plugin '{}', which is {}", second.id, first.source),
        place: second.place.clone(),
        about: match second.origin {
            Origin::File { registry, .. } => {
                About::Override { id: second.id.clone(), registry, prior: first.place.clone() }
            }
            _ => About::Place,
        },
    }
}

/// The refusal of a second claim, with both places.
fn duplicate(first: &Discovered, second: &Discovered) -> Fault {
    let [at, other] = [first, second].map(|plugin| escaped(plugin.place.as_os_str()));
    let id = &second.id;
    let what = match (first.source, second.source) {
        (Source::Dropin, Source::Dropin) => format!("Duplicate user plugin id '{id}'"),
        (_, Source::EntryPoint) => format!("duplicate plugin id (entry point {}) '{id}'", second.entry_point),
        _ => format!("duplicate plugin id '{id}'"),
    };
    let message = format!("{what}: already registered from '{at}', cannot also register from '{other}'");
    Fault::new(Reason::DuplicatePluginId, message)
}
