//! `Setting`: a variable by which somebody sets up aisoc, and what counts without it.

use std::ffi::OsString;
use std::str::FromStr;

use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_pipeline::{UserPlugins, redacted};
use aisoc_trust::{CoverageRule, PluginMode, TrustMode};
use aisoc_worker::Sandbox;

use crate::config_directory::PolicyUse;
use crate::environment::Environment;

/// Where plugins are installed, if nobody says.
pub(crate) const DEFAULT_PLUGINS_DIR: &str = "/opt/aisoc/plugins";
/// Where the trusted keys are, if nobody says.
pub(crate) const DEFAULT_TRUSTED_KEYS_DIR: &str = "/opt/aisoc/plugin-keys";
/// The host that is asked, if nobody says.
pub(crate) const DEFAULT_HOST_URL: &str = "http://127.0.0.1:8000";

/// Most characters of a value that are shown: more than any path has.
const MAX_SHOWN: usize = 4096;

/// One thing that is set up by a variable.
pub(crate) struct Setting {
    /// The variable.
    pub(crate) name: &'static str,
    /// Other names of it, each of which counts where those before it are not set.
    pub(crate) also: &'static [&'static str],
    /// What it is about.
    pub(crate) about: About,
    /// What it holds.
    pub(crate) form: Form,
    /// What counts where nobody has set it.
    pub(crate) default: Unset,
    /// What it is for.
    pub(crate) purpose: &'static str,
}

/// What settings are about, in the order of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Whom a site trusts, and where it is.
    Trust,
    /// Where else plugins are found.
    Sources,
    /// Running plugins, and the host.
    Host,
    /// Registries.
    Registries,
    /// Signing, packing and CI.
    Builds,
}

impl About {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Trust, Self::Sources, Self::Host, Self::Registries, Self::Builds];

    /// As a title.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Trust => "The site, and whom it trusts",
            Self::Sources => "Where else plugins are found",
            Self::Host => "Hosts, and running plugins",
            Self::Registries => "Registries",
            Self::Builds => "Signing, packing and CI",
        }
    }
}

/// What counts where a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// This value.
    Is(&'static str),
    /// No value: in words.
    Means(&'static str),
}

/// What a variable holds.
pub(crate) enum Form {
    /// Anything, shown as it is.
    Text,
    /// An address, which may hold a login.
    Address,
    /// What nobody is shown.
    Secret,
    /// One of some words; another one counts as the strictest.
    Word(&'static (dyn Word + Sync)),
    /// Exactly this text; another one says nothing.
    Exactly(&'static str),
    /// Whether drop-ins count, which any of the names turns off.
    DropinSwitch,
    /// What is refused where it cannot be read, by every command that goes by it.
    Checked(fn(&Environment) -> Result<()>),
}

/// A setting that is one word of a few.
pub(crate) struct OneOf<T: 'static> {
    /// What counts for what is none of them: somebody wanted something, and it must not become less.
    pub(crate) strictest: T,
    /// Them, as a message has them.
    pub(crate) words: &'static str,
    pub(super) word: fn(T) -> &'static str,
}

impl<T: Copy + Default + FromStr> OneOf<T> {
    /// The one that is meant by a text.
    pub(crate) fn read(&self, text: &str) -> Option<T> {
        text.parse().ok()
    }
}

/// [`OneOf`], whatever the words mean.
pub(crate) trait Word {
    fn words(&self) -> &'static str;
    fn strictest(&self) -> &'static str;
    #[cfg(test)]
    fn default(&self) -> &'static str;
    /// The word that a text means, as it is written.
    fn meant(&self, text: &str) -> Option<&'static str>;
}

impl<T: Copy + Default + FromStr> Word for OneOf<T> {
    fn words(&self) -> &'static str {
        self.words
    }

    fn strictest(&self) -> &'static str {
        (self.word)(self.strictest)
    }

    #[cfg(test)]
    fn default(&self) -> &'static str {
        (self.word)(T::default())
    }

    fn meant(&self, text: &str) -> Option<&'static str> {
        self.read(text).map(self.word)
    }
}

pub(crate) static TRUST_MODES: OneOf<TrustMode> =
    OneOf { strictest: TrustMode::Strict, words: "strict, warn or disabled", word: TrustMode::as_str };
pub(crate) static COVERAGE_RULES: OneOf<CoverageRule> =
    OneOf { strictest: CoverageRule::Full, words: "full, inert or code", word: CoverageRule::as_str };
pub(crate) static PLUGIN_MODES: OneOf<PluginMode> =
    OneOf { strictest: PluginMode::Production, words: "dev or production", word: PluginMode::as_str };
pub(crate) static SANDBOXES: OneOf<Sandbox> =
    OneOf { strictest: Sandbox::Require, words: "require, best-effort or off", word: Sandbox::as_str };
pub(crate) static POLICY_USES: OneOf<PolicyUse> =
    OneOf { strictest: PolicyUse::Require, words: "require or best-effort", word: PolicyUse::as_str };
/// What counts of a setting, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effective {
    /// The variable that is set; of several the one that counts.
    pub(crate) variable: Option<&'static str>,
    /// What counts; nothing where no value does, and of what nobody is shown.
    pub(crate) value: Option<String>,
    /// What is wrong with what is set.
    pub(crate) invalid: Option<String>,
}

impl Setting {
    /// Its names, the first of which is set counts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// Whether nobody is shown what it holds.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.form, Form::Secret)
    }

    /// The words that it may hold, where it holds one of a few.
    pub(crate) fn words(&self) -> Option<&'static str> {
        match self.form {
            Form::Word(word) => Some(word.words()),
            Form::Exactly(only) => Some(only),
            _ => None,
        }
    }

    /// What counts where nobody has set it.
    pub(crate) fn default_value(&self) -> Option<&'static str> {
        match self.default {
            Unset::Is(value) => Some(value),
            Unset::Means(_) => None,
        }
    }

    /// What counts in that environment.
    pub(crate) fn read(&self, environment: &Environment) -> Effective {
        let Some((variable, text)) = self.counting(environment) else {
            return Effective { variable: None, value: self.default_value().map(str::to_owned), invalid: None };
        };
        let (value, invalid) = match &self.form {
            Form::Secret => (None, None),
            form => form.read(&text.to_string_lossy(), environment),
        };
        let shown = |text: String| redacted(&shown(&text, MAX_SHOWN));
        Effective { variable: Some(variable), value: value.map(shown), invalid: invalid.map(shown) }
    }

    /// The variable that counts, with what it holds: of several the first that is set, and the one that turns something
    /// off before one that does not.
    fn counting(&self, environment: &Environment) -> Option<(&'static str, OsString)> {
        let set = self.names().filter_map(|name| Some((name, environment.variable(name)?)));
        let mut set = set.filter(|(name, _)| environment.is_set_by_us(name));
        let is_off = |text: &OsString| UserPlugins::of_switch(Some(text)) == UserPlugins::Disabled;
        match self.form {
            Form::DropinSwitch => set.clone().find(|(_, text)| is_off(text)).or_else(|| set.next()),
            _ => set.next(),
        }
    }
}

impl Form {
    /// What a text stands for, and what is wrong with it.
    fn read(&self, text: &str, environment: &Environment) -> (Option<String>, Option<String>) {
        match self {
            Self::Text | Self::Secret => (Some(text.to_owned()), None),
            Self::Address => (Some(without_login(text)), None),
            Self::Word(word) => match word.meant(text) {
                Some(meant) => (Some(meant.to_owned()), None),
                None => (Some(word.strictest().to_owned()), Some(format!("`{text}` is none of {}", word.words()))),
            },
            Self::Exactly(only) if text == *only => (Some(text.to_owned()), None),
            Self::Exactly(only) => (None, Some(format!("it is not `{only}`, so it says nothing"))),
            Self::DropinSwitch => (Some(if text == "0" { "0" } else { "1" }.to_owned()), None),
            Self::Checked(check) => match check(environment) {
                Ok(()) => (Some(text.to_owned()), None),
                Err(fault) => (None, Some(format!("{fault}; what goes by it is refused"))),
            },
        }
    }
}

/// An address without who reaches it: everything between its scheme and the last `@`.
fn without_login(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    match rest.rsplit_once('@') {
        Some((_, host)) if scheme.is_empty() => format!("[redacted]@{host}"),
        Some((_, host)) => format!("{scheme}://[redacted]@{host}"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_a_login() {
        for (address, expected) in [
            ("http://proxy:1", "http://proxy:1"),
            ("proxy:1", "proxy:1"),
            ("http://a:b@proxy:1", "http://[redacted]@proxy:1"),
            ("a@proxy:1", "[redacted]@proxy:1"),
            ("http://a:b/c@d@proxy", "http://[redacted]@proxy"),
        ] {
            assert_eq!(without_login(address), expected, "{address}");
        }
    }
}
