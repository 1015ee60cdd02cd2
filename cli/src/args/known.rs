//! Values that a shell completes, of types that read more than these words or say better why they refuse one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::num::NonZeroUsize;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::{PluginType, Profile};
use aisoc_trust::{CoverageRule, PluginMode, ProofKind, TrustMode};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// Any text, of which these words are known. Help does not list them, and none else is refused here.
#[derive(Debug, Clone)]
pub(crate) struct Known(Vec<&'static str>);

impl Known {
    /// Any text, of which these words are known.
    pub(crate) fn words(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self(words.into_iter().collect())
    }
}

impl TypedValueParser for Known {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

/// Whose rules a manifest is held to.
pub(super) fn profile() -> impl TypedValueParser<Value = Profile> {
    Known::words(Profile::ALL.map(Profile::as_str)).try_map(|text| text.parse::<Profile>())
}

/// What a plugin is, in the word of its manifest.
pub(super) fn plugin_type() -> impl TypedValueParser<Value = PluginType> {
    let known = || PluginType::ALL.map(PluginType::as_str);
    let read = move |text: String| text.parse().map_err(|_| format!("it is one of {}", known().join(", ")));
    Known::words(known()).try_map(read)
}

/// What a host does about signatures.
pub(super) fn trust_mode() -> impl TypedValueParser<Value = TrustMode> {
    let modes = [TrustMode::Strict, TrustMode::Warn, TrustMode::Disabled];
    Known::words(modes.map(TrustMode::as_str)).try_map(|text| text.parse::<TrustMode>())
}

/// What `--require` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// So many keys.
    Signers(NonZeroUsize),
    /// A proof of that kind.
    Proof(ProofKind),
}

/// What is required of what comes: so many keys, or a proof.
pub(super) fn requirement() -> impl TypedValueParser<Value = Requirement> {
    Known::words(ProofKind::ALL.map(ProofKind::as_str)).try_map(|text| match ProofKind::named(&text) {
        Some(kind) => Ok(Requirement::Proof(kind)),
        None => text.parse().map(Requirement::Signers).map_err(|_| {
            format!("it is a number of keys, from 1 on, or one of {}", ProofKind::ALL.map(ProofKind::as_str).join(", "))
        }),
    })
}

/// Capabilities that were listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(pub(crate) BTreeSet<Capability>);

/// Capabilities by their names alone.
pub(super) fn capabilities() -> impl TypedValueParser<Value = Capabilities> {
    // Whoever accepts has read what it is that is accepted.
    let pattern = || Fault::new(Reason::Usage, "a pattern accepts what nobody has read").hint("name each capability");
    let names = move |text: String| match text.contains('*') {
        true => Err(pattern()),
        false => Capability::read_list(&text).map(Capabilities),
    };
    capability_names().try_map(names)
}

/// Capabilities by their names, by area or by verb.
pub(super) fn capability_list() -> impl TypedValueParser<Value = Capabilities> {
    capability_names().try_map(|text| Capability::read_list(&text).map(Capabilities))
}

fn capability_names() -> Known {
    Known::words(Capability::ALL.iter().map(|capability| capability.as_str()))
}

/// Whether a host loads what the lock does not accept.
pub(super) fn plugin_mode() -> impl TypedValueParser<Value = PluginMode> {
    let modes = [PluginMode::Dev, PluginMode::Production];
    Known::words(modes.map(PluginMode::as_str)).try_map(|text| text.parse::<PluginMode>())
}

/// What a signature must cover.
pub(super) fn coverage_rule() -> impl TypedValueParser<Value = CoverageRule> {
    let rules = [CoverageRule::Full, CoverageRule::InertRest, CoverageRule::Code];
    Known::words(rules.map(CoverageRule::as_str)).try_map(|text| -> Result<CoverageRule, Fault> { text.parse() })
}
