//! What the environment says, and what of it is not understood, or turns something off.

use std::str::FromStr;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_pipeline::REGISTRY_ALLOWLIST;
use aisoc_pipeline::doctor::{Finding, Rule};
use aisoc_signing::TimestampAuthorities;
use aisoc_trust::{CoverageRule, PluginMode, Policy, TRUSTED_PUBLISHERS, TrustMode, UNSIGNED_ACK};

use crate::environment::{
    CAPA_PLUGIN_MODE, DENY_CAPABILITIES, Environment, PLUGIN_MODE, SANDBOX, TIMESTAMP_ROOT, TRUST_COVERAGE, TRUST_MODE,
    USER_PLUGINS,
};
use crate::timestamp_root;
use crate::variables::{COVERAGE_RULES, OneOf, PLUGIN_MODES, SANDBOXES, TRUST_MODES};

/// Longest value that a finding repeats.
const MAX_SHOWN: usize = 60;

/// What a host would go by, the strictest in place of what is not understood.
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) mode: PluginMode,
    pub(super) timestamps: TimestampAuthorities,
    pub(super) findings: Vec<Finding>,
}

impl Settings {
    /// Reads every variable that a host goes by, and says nothing yet.
    pub(super) fn read(mode: Option<PluginMode>, environment: &Environment) -> Self {
        let mut reader = Reader { environment, findings: Vec::new() };
        let trust_mode = reader.word(TRUST_MODE, &TRUST_MODES).unwrap_or_default();
        let coverage = reader.word(TRUST_COVERAGE, &COVERAGE_RULES).unwrap_or_default();
        let [ours, capas] = [PLUGIN_MODE, CAPA_PLUGIN_MODE].map(|name| reader.word(name, &PLUGIN_MODES));
        let publishers = reader.list(TRUSTED_PUBLISHERS, environment.publishers());
        let denied = environment.text(DENY_CAPABILITIES);
        let denied = denied.and_then(|list| list.map_or(Ok(Default::default()), |list| Capability::read_list(&list)));
        let denied_capabilities = reader.list(DENY_CAPABILITIES, denied);
        let is_unsigned_acknowledged = reader.list(UNSIGNED_ACK, environment.is_unsigned_acknowledged());
        let timestamps = reader.list(TIMESTAMP_ROOT, timestamp_root::authorities(None, environment));
        reader.list(REGISTRY_ALLOWLIST, environment.reference_rules().map(drop));
        reader.word(SANDBOX, &SANDBOXES);
        reader.lenient(trust_mode, coverage);
        reader.kill_switches();
        let policy =
            Policy { coverage, publishers, denied_capabilities, is_unsigned_acknowledged, ..Policy::of(trust_mode) };
        Self { policy, mode: mode.or(ours).or(capas).unwrap_or_default(), timestamps, findings: reader.findings }
    }
}

struct Reader<'a> {
    environment: &'a Environment,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// A word of a variable that is set; the strictest for one that is not understood.
    fn word<T: FromStr + Copy + Default>(&mut self, name: &str, words: &OneOf<T>) -> Option<T> {
        let text = self.environment.variable(name)?;
        let text = text.to_string_lossy();
        Some(words.read(&text).unwrap_or_else(|| {
            let message = format!("{name} is not understood, and counts as the strictest");
            let hint = format!("set {name} to one of these words, or not at all");
            let found = format!("`{}`", shown(&text, MAX_SHOWN));
            self.findings.push(Finding::at(Rule::SettingInvalid, name, message, (words.words, found), hint));
            words.strictest
        }))
    }

    /// What was read, or nothing of what every command refuses.
    fn list<T: Default>(&mut self, name: &str, read: Result<T>) -> T {
        read.unwrap_or_else(|fault| {
            self.findings.push(Finding::of(Rule::SettingInvalid, name, &fault));
            T::default()
        })
    }

    fn lenient(&mut self, mode: TrustMode, coverage: CoverageRule) {
        let mode = match mode {
            TrustMode::Disabled if self.environment.is_development() => None,
            TrustMode::Disabled => Some((Rule::TrustOff, "plugins load without a look at their signatures")),
            TrustMode::Warn => Some((Rule::TrustLenient, "what is not verified loads all the same")),
            TrustMode::Strict => None,
        };
        let found = self.environment.variable(TRUST_MODE).map(|text| text.to_string_lossy().into_owned());
        self.findings.extend(mode.map(|(rule, message)| {
            let hint = format!("look at what strict would refuse: `aisoc plugins verify --trust-mode strict --dry-run`; then unset {TRUST_MODE}");
            Finding::at(rule, TRUST_MODE, message, ("strict", found.unwrap_or_default()), hint)
        }));
        if coverage == CoverageRule::Code {
            let message = "files that a signature does not cover load from every publisher";
            let hint = format!(
                "unset {TRUST_COVERAGE}, and accept it of one key: `aisoc keys annotate KEY --coverage code --reason TEXT`"
            );
            self.findings.push(Finding::at(
                Rule::CoverageLenient,
                TRUST_COVERAGE,
                message,
                ("inert or full", "code"),
                hint,
            ));
        }
    }

    /// Only `0` switches; whoever has written something else may have meant it.
    fn kill_switches(&mut self) {
        for name in USER_PLUGINS {
            let Some(text) = self.environment.variable(name).map(|text| text.to_string_lossy().into_owned()) else {
                continue;
            };
            if ["0", "1", "true", "yes", "on"].contains(&text.to_ascii_lowercase().as_str()) {
                continue;
            }
            let message = format!("{name} does not turn drop-ins off");
            let found = format!("`{}`", shown(&text, MAX_SHOWN));
            let hint = format!("set `{name}=0` to turn them off, and `{name}=1` to say that they are meant");
            self.findings.push(Finding::at(Rule::KillSwitchMisread, name, message, ("`0` or `1`", found), hint));
        }
    }
}
