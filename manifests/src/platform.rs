//! For which platform an artifact is, where an image index holds one for each.
//!
//! Source: OCI image specification 1.1, `image-index.md`, `platform`: the words are those of Go (`GOOS`, `GOARCH`), and
//! `v8` is what `arm64` is without a variant.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::oci;
use crate::text::shown;

/// Longest word of a platform. The longest that Go knows has nine letters.
const MAX_WORD_BYTES: usize = 32;

/// `OS/ARCHITECTURE[/VARIANT]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlatformName {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Which artifact is taken of an index that holds several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PlatformChoice {
    /// None: an index of one artifact is followed, whatever platform it names, and of several none is guessed.
    #[default]
    None,
    /// The one for this machine; an index of one artifact is followed, whatever platform it names.
    Here(PlatformName),
    /// The one for that platform, which somebody has named: an index of one artifact for another is refused.
    Named(PlatformName),
}

impl PlatformChoice {
    /// What is taken by whoever installs on this machine, and has not named another platform.
    pub fn of(named: Option<PlatformName>) -> Self {
        named.map_or_else(|| Self::Here(PlatformName::here()), Self::Named)
    }
}

impl PlatformName {
    /// The one that this program was built for.
    pub fn here() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "loongarch64" => "loong64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            other => other,
        };
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: None }
    }

    /// What an entry of an index says that it is for; nothing where it says nothing, or nothing that can be one.
    pub fn of_entry(platform: &oci::Platform) -> Option<Self> {
        let variant = match platform.other.get("variant") {
            Some(variant) => Some(variant.as_str()?),
            None => None,
        };
        let name = Self::of_words(&platform.os, &platform.architecture, variant)?;
        (name.os != "unknown" && name.architecture != "unknown").then_some(name)
    }

    /// Of its words, each of which is one; nothing where one is none.
    fn of_words(os: &str, architecture: &str, variant: Option<&str>) -> Option<Self> {
        // The same processor in two spellings.
        let variant = variant.filter(|variant| (architecture, *variant) != ("arm64", "v8"));
        let are_words = [Some(os), Some(architecture), variant].into_iter().flatten().all(is_word);
        let owned = str::to_owned;
        are_words.then(|| Self { os: owned(os), architecture: owned(architecture), variant: variant.map(owned) })
    }
}

fn is_word(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_');
    (1..=MAX_WORD_BYTES).contains(&word.len()) && word.bytes().all(is_plain)
}

impl FromStr for PlatformName {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split('/').collect();
        let name = match words[..] {
            [os, architecture] => Self::of_words(os, architecture, None),
            [os, architecture, variant] => Self::of_words(os, architecture, Some(variant)),
            _ => None,
        };
        name.ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no platform", shown(text, 80)))
                .expected("OS/ARCHITECTURE[/VARIANT], for example linux/arm64", format!("`{}`", shown(text, 80)))
                .hint("write it as in image indexes: `linux/amd64`, `linux/arm64`, `linux/arm/v7`, `darwin/arm64`")
        })
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_platform_has_two_words_or_three_and_one_spelling() {
        for (text, written) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/v9", "linux/arm64/v9"),
        ] {
            assert_eq!(text.parse::<PlatformName>().expect(text).to_string(), written);
        }
        let longest = format!("linux/{}", "a".repeat(MAX_WORD_BYTES));
        assert!(longest.parse::<PlatformName>().is_ok());
        for other in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/arm/v7/x",
            "Linux/amd64",
            "linux/amd64 ",
            "li-nux/amd64",
            "linux//v8",
            &(longest + "a"),
        ] {
            assert_eq!(other.parse::<PlatformName>().expect_err(other).reason(), Reason::Usage, "{other}");
        }
        assert_eq!(PlatformName::here().to_string().parse::<PlatformName>().expect("a platform"), PlatformName::here());
    }

    #[test]
    fn what_an_entry_says_is_read_whole_or_not_at_all() {
        let read = |text: serde_json::Value| {
            let entry: oci::Platform = serde_json::from_value(text).expect("an entry");
            PlatformName::of_entry(&entry).map(|platform| platform.to_string())
        };
        assert_eq!(
            read(json!({"os": "linux", "architecture": "arm", "variant": "v7"})).as_deref(),
            Some("linux/arm/v7")
        );
        assert_eq!(
            read(json!({"os": "linux", "architecture": "amd64", "os.version": "1"})).as_deref(),
            Some("linux/amd64")
        );
        for none in [
            json!({}),
            json!({"os": "linux"}),
            json!({"os": "unknown", "architecture": "unknown"}),
            json!({"os": "linux", "architecture": "unknown"}),
            json!({"os": "linux", "architecture": "arm", "variant": 7}),
            json!({"os": "linux/x", "architecture": "arm"}),
        ] {
            assert_eq!(read(none.clone()), None, "{none}");
        }
    }

    #[test]
    fn a_variant_is_another_platform() {
        let platform = |text: &str| text.parse::<PlatformName>().expect(text);
        assert_eq!(platform("linux/arm64"), platform("linux/arm64/v8"));
        assert_ne!(platform("linux/arm"), platform("linux/arm/v8"));
        assert_ne!(platform("linux/arm64"), platform("linux/arm64/v9"));
    }
}
