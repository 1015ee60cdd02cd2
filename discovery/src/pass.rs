//! The pass: every source in its order, and who has claimed an id first.

use std::collections::HashMap;

use aisoc_installation::{Site, escaped};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::Limits;

use crate::directory;
use crate::discovered::{Discovered, Discovery, Failed, Found};

/// Where to look.
#[derive(Debug, Default)]
pub struct Sources {
    /// The plugins directory, which need not exist.
    pub site: Option<Site>,
}

/// Looks at every source.
///
/// # Errors
/// `interrupted`, and `io_error` when no thread can be started. What cannot be read, a whole source too, is in
/// [`Discovery::failed`].
pub fn discover(sources: &Sources, limits: &Limits) -> Result<Discovery> {
    let mut claims = Claims::default();
    if let Some(site) = &sources.site {
        claims.add(directory::plugins(site, limits)?);
    }
    limits.cancellation.check()?;
    Ok(claims.discovery)
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
        for found in found {
            match found {
                Ok(plugin) => self.claim(plugin),
                Err(failed) => self.discovery.failed.push(*failed),
            }
        }
    }

    fn claim(&mut self, plugin: Discovered) {
        let plugins = &mut self.discovery.plugins;
        match self.ids.get(&plugin.id) {
            Some(first) => {
                let fault = duplicate(&plugins[*first], &plugin);
                self.discovery.failed.push(Failed::of(plugin, fault));
            }
            None => {
                self.ids.insert(plugin.id.clone(), plugins.len());
                plugins.push(plugin);
            }
        }
    }
}

/// The refusal of a second claim, with both places.
fn duplicate(first: &Discovered, second: &Discovered) -> Fault {
    let places = [first, second].map(|plugin| escaped(plugin.place.as_os_str()));
    let [first, other] = places;
    let message = format!(
        "duplicate plugin id '{}': already registered from '{first}', cannot also register from '{other}'",
        second.id
    );
    Fault::new(Reason::DuplicatePluginId, message)
}
