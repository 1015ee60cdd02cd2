//! Plugin modes: whether a host loads only what this site has accepted.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

/// What is made of a plugin that plugins.lock does not list as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PluginMode {
    /// It is named, and loaded. The default, as for everybody who writes plugins.
    #[default]
    Dev,
    /// It is refused.
    Production,
}

impl PluginMode {
    /// The mode as it is written in `AISOC_PLUGIN_MODE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for PluginMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PluginMode {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "dev" => Ok(Self::Dev),
            "production" => Ok(Self::Production),
            _ => Err(Fault::new(Reason::Usage, format!("`{}` is not a plugin mode", shown(text, 80)))
                .expected("dev|production", format!("`{}`", shown(text, 80)))
                .hint("the plugin modes are dev and production")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_mode_is_refused_with_both_that_are() {
        for (word, mode) in
            [("dev", PluginMode::Dev), (" Production\n", PluginMode::Production), ("DEV", PluginMode::Dev)]
        {
            assert_eq!(word.parse::<PluginMode>().expect(word), mode);
        }
        for word in ["", "prod", "productions", "development", "dev production"] {
            let fault = word.parse::<PluginMode>().expect_err(word);
            assert_eq!(fault.reason(), Reason::Usage, "{word}");
            assert_eq!(fault.difference().expect("both").expected, "dev|production");
        }
        assert_eq!(PluginMode::default().to_string(), "dev");
        assert_eq!(PluginMode::Production.to_string(), "production");
    }
}
