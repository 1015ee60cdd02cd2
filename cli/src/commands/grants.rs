//! What is said of what a plugin asks of its host.

use std::collections::BTreeSet;
use std::ffi::OsString;

use aisoc_files::shell_argument;
use aisoc_manifests::capability::{Capability, is_grant};
use aisoc_manifests::fault::Fault;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::{Grants, GrantsBefore};
use aisoc_trust::CapabilityConsent;

use crate::context::Context;
use crate::output::redacted;

/// Whether no host can grant it.
pub(crate) fn is_unknown(grant: &str) -> bool {
    is_grant(grant) && grant.parse::<Capability>().is_err()
}

/// Grants in one line, those marked that no host knows.
pub(crate) fn listed<'a>(grants: impl IntoIterator<Item = &'a String>) -> String {
    let mark = |grant: &String| if is_unknown(grant) { format!("{grant} (unknown)") } else { grant.clone() };
    joined(grants.into_iter().map(mark))
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// What a gate says has to be typed as well.
const ACCEPT: &str = "--accept-capabilities";

/// A refusal for what a plugin asks for, with the command as it was typed and all that has to be accepted: of several
/// sources that one alone, for what is accepted is accepted of one plugin.
pub(crate) fn as_typed(fault: Fault, sources: &[OsString], source: &str, context: &Context) -> Fault {
    let Some(asked) = asked(&fault) else { return fault };
    with_line(fault, &asked, &accepting(sources, source, &asked, context))
}

/// As [`as_typed`], where plugins are named by their ids, of which there can be none: of all that alone which is
/// refused.
pub(crate) fn as_typed_of(fault: Fault, ids: &[OsString], id: &str, context: &Context) -> Fault {
    let Some(asked) = asked(&fault) else { return fault };
    let also = if ids.iter().any(|named| *named == *id) { String::new() } else { format!(" {}", shell_argument(id)) };
    with_line(fault, &asked, &format!("{}{also}", accepting(ids, id, &asked, context)))
}

/// As [`as_typed`], of an upgrade: what is accepted is accepted of the one plugin that is named.
pub(crate) fn as_upgrade(fault: Fault, id: &str) -> Fault {
    let Some(asked) = asked(&fault) else { return fault };
    let line = format!("aisoc plugin upgrade {} {asked}", shell_argument(id));
    with_line(fault, &asked, &line)
}

fn asked(fault: &Fault) -> Option<String> {
    fault.next_step().split('`').find(|part| part.starts_with(ACCEPT)).map(str::to_owned)
}

fn with_line(fault: Fault, asked: &str, line: &str) -> Fault {
    // What is not shown cannot be copied.
    if redacted(line) != line {
        return fault;
    }
    let hint = fault.next_step().replace(&format!("repeat the command with `{asked}`"), &format!("`{line}`"));
    fault.hint(hint)
}

fn accepting(sources: &[OsString], source: &str, asked: &str, context: &Context) -> String {
    let (mut words, mut is_value) = (Vec::new(), false);
    for word in context.environment.words() {
        let is_other = sources.contains(word) && *word != *source;
        let is_ours = word.as_encoded_bytes().starts_with(ACCEPT.as_bytes());
        if !is_value && !is_ours && !is_other {
            words.push(shell_argument(word));
        }
        is_value = !is_value && word == ACCEPT;
    }
    format!("aisoc {} {asked}", words.join(" "))
}

/// Says what a new plugin may do, and of one that has replaced another what it may do more and less than that. More
/// is a warning: whoever agreed to the one before has not agreed to it.
pub(crate) fn say(id: &PluginId, grants: &Grants, context: &Context) {
    let now = || listed(&grants.now);
    match &grants.before {
        GrantsBefore::Nothing if grants.now.is_empty() => context.output.status("Asks for", now()),
        GrantsBefore::Nothing => context.output.status("May", now()),
        GrantsBefore::Unknown => {
            let said = format!("what `{id}` asked for before cannot be read; now it asks for {}", now());
            context.output.warning(Warning::CapabilitiesGrown, said);
        }
        GrantsBefore::Known(before) => say_changed(id, &grants.now, before, context),
    }
}

/// Says what somebody has accepted that the plugin does not ask for: they meant something else, or another version.
pub(crate) fn warn_of_not_asked(id: &PluginId, grants: &Grants, consent: &CapabilityConsent, context: &Context) {
    let (CapabilityConsent::These(accepted) | CapabilityConsent::AcceptedBeforeAnd(accepted)) = consent else { return };
    let named = accepted.iter().map(|capability| capability.as_str());
    let not_asked: Vec<&str> = named.filter(|name| !grants.now.contains(*name)).collect();
    if !not_asked.is_empty() {
        let said = format!("`{id}` does not ask for {}, which is accepted of it", not_asked.join(", "));
        context.output.warning(Warning::CapabilityNotAsked, said);
    }
}

fn say_changed(id: &PluginId, now: &BTreeSet<String>, before: &BTreeSet<String>, context: &Context) {
    let signed = |sign: char, grants: Vec<&String>| grants.into_iter().map(|grant| format!("{sign} {grant}")).collect();
    let added: Vec<String> = signed('+', now.difference(before).collect());
    let removed: Vec<String> = signed('-', before.difference(now).collect());
    if !added.is_empty() {
        let said = format!("`{id}` may do more than before: {}", added.join(", "));
        context.output.warning(Warning::CapabilitiesGrown, said);
    }
    if !removed.is_empty() {
        context.output.status("May not", format!("{} (any more)", removed.join(", ")));
    }
}
