//! What keys are limited to, beside what is installed. Install records and manifests are read, and no plugin whole:
//! who has signed something is what its install wrote down.

use std::collections::BTreeSet;

use aisoc_files::shell_word;
use aisoc_installation::Site;
use aisoc_manifests::fault::Result;
use aisoc_signing::{Circumstances, Fingerprint, HeldKey, KeyPlace, Origin, Scope, Standing, Survey};
use jiff::Timestamp;

use super::finding::Finding;
use super::rule::Rule;
use crate::keys::here::is_without_plugins;

/// How many plugins a finding names.
const SHOWN: usize = 20;

/// An installed plugin, as far as a key is asked about it.
struct Installed {
    id: String,
    origin: Origin,
    signers: BTreeSet<Fingerprint>,
}

/// Everything that is said of limits; nothing where there is no plugins directory.
///
/// # Errors
/// As listing the plugins directory.
pub(super) fn findings(survey: &Survey, site: &Site, at: Timestamp) -> Result<Vec<Finding>> {
    if is_without_plugins(site) || survey.keys.iter().all(|key| key.notes().is_none()) {
        return Ok(Vec::new());
    }
    let installed = installed(site)?;
    let trusted = survey.keys.iter().filter(|key| key.place == KeyPlace::Trusted);
    Ok(trusted.flat_map(|key| of_key(key, &installed, survey, at)).collect())
}

fn installed(site: &Site) -> Result<Vec<Installed>> {
    let observed = site.observe()?;
    let plugins = observed.directories().into_iter().filter_map(|directory| site.read(&directory));
    let known = plugins.filter_map(|plugin| {
        let id = plugin.id()?.to_string();
        let record = plugin.record.ok().flatten();
        let origin = record.as_ref().map_or_else(Origin::unknown, |record| Origin::recorded(&record.reference));
        let signed_by = record.iter().flat_map(|record| record.signed_by().signers().to_vec());
        Some(Installed { id, origin, signers: signed_by.map(|signer| signer.fingerprint).collect() })
    });
    Ok(known.collect())
}

fn of_key(key: &HeldKey, installed: &[Installed], survey: &Survey, at: Timestamp) -> Vec<Finding> {
    let excluded = excluded(key, installed, survey, at);
    let unmatched =
        key.notes().and_then(|notes| notes.scope.as_ref()).map(|scope| unmatched(key, scope, installed, survey));
    unmatched.into_iter().flatten().chain(excluded).collect()
}

/// Each pattern that holds nothing which is installed.
fn unmatched(key: &HeldKey, scope: &Scope, installed: &[Installed], survey: &Survey) -> Vec<Finding> {
    let globs = scope.plugins.iter().flatten().filter(|glob| {
        let alone = Scope { plugins: Some(vec![(*glob).clone()]), repositories: None };
        !installed.iter().any(|plugin| alone.holds_plugin(Some(&plugin.id)))
    });
    let prefixes = scope.repositories.iter().flatten().filter(|prefix| {
        let alone = Scope { plugins: None, repositories: Some(vec![(*prefix).clone()]) };
        !installed.iter().any(|plugin| alone.holds_origin(&plugin.origin))
    });
    let finding = |what: &str, pattern: &String| {
        let message = format!("no plugin that is installed {what} `{pattern}`, which is the scope of key `{}`", key.id);
        let hint = format!(
            "compare it with `aisoc plugin list`; correct it with `aisoc keys annotate {} --reason TEXT`",
            shell_word(&key.file)
        );
        Finding::of_key(Rule::ScopeMatchesNothing, key, survey, message).hint(hint)
    };
    let globs: Vec<Finding> = globs.map(|glob| finding("is called", glob)).collect();
    globs.into_iter().chain(prefixes.map(|prefix| finding("comes from", prefix))).collect()
}

/// The plugins that the key has signed, and that its note lets it sign no more, as one finding: a scope that is wrong
/// may shut out everything there is.
fn excluded(key: &HeldKey, installed: &[Installed], survey: &Survey, at: Timestamp) -> Option<Finding> {
    let excluded: Vec<(&str, String)> = installed.iter().filter_map(|plugin| out_of_scope(key, plugin, at)).collect();
    let (first, why) = excluded.first()?;
    let message = match excluded.len() {
        1 => format!("key `{}` has signed `{first}`, which is installed, and {why}", key.id),
        count => {
            let shown: Vec<String> = excluded.iter().take(SHOWN).map(|(id, _)| format!("`{id}`")).collect();
            let others = if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() };
            format!("key `{}` has signed {}{others}, which are installed, and {why}", key.id, shown.join(", "))
        }
    };
    let hint = format!(
        "see what depends on it: `aisoc keys impact {}`; or correct its note with `aisoc keys annotate {} --reason TEXT`",
        shell_word(&key.file),
        shell_word(&key.file)
    );
    Some(Finding::of_key(Rule::ScopeExcludes, key, survey, message).hint(hint))
}

/// A plugin that the key has signed and signs no more, with why.
fn out_of_scope<'a>(key: &HeldKey, plugin: &'a Installed, at: Timestamp) -> Option<(&'a str, String)> {
    let circumstances = Circumstances { at, origin: plugin.origin.clone() };
    let is_signer = plugin.signers.contains(&key.fingerprint);
    let standing = is_signer.then(|| key.standing_for(Some(&plugin.id), &circumstances))?;
    matches!(standing, Standing::OutOfScope(_)).then(|| (plugin.id.as_str(), standing.to_string()))
}
