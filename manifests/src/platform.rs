//! For which platform an artifact is, where an image index holds one for each.
//!
//! Source: OCI image specification 1.1, `image-index.md`, `platform`: the words are those of Go (`GOOS`, `GOARCH`). One
//! platform has several spellings, and those are the same here that are the same to containerd (its package `platforms`,
//! `Normalize`): `arm` without a variant is `arm/v7`, `arm64/v8` is `arm64`, `x86_64` is `amd64`, `macos` is `darwin`.

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
    /// The one for this machine, or where there is none the next one that it runs ([`PlatformName::taken`]); an index of
    /// one artifact is followed, whatever platform it names.
    Here(PlatformName),
    /// As [`PlatformChoice::Here`], and where nothing is for this machine the first that there is: for whoever only looks.
    Look(PlatformName),
    /// The one for that platform, which somebody has named: an index of one artifact for another is refused.
    Named(PlatformName),
}

impl PlatformChoice {
    /// What is taken by whoever installs on this machine, and has not named another platform.
    pub fn of(named: Option<PlatformName>) -> Self {
        named.map_or_else(|| Self::Here(PlatformName::here()), Self::Named)
    }

    /// What is shown to whoever looks, and has not named a platform.
    pub fn to_look(named: Option<PlatformName>) -> Self {
        named.map_or_else(|| Self::Look(PlatformName::here()), Self::Named)
    }

    /// What comes after an artifact that was taken by that platform: what this machine takes by itself it goes on taking,
    /// and what somebody had named for another machine is meant for what comes after it as well.
    pub fn after(taken: Option<PlatformName>) -> Self {
        let here = PlatformName::here();
        match taken {
            Some(taken) if taken == here || !here.taken().contains(&taken) => Self::Named(taken),
            _ => Self::Here(here),
        }
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
        let variant = default_variant(architecture).map(str::to_owned);
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant }
    }

    /// What runs on a machine of this platform, the best first: itself, and of `arm/vN` each older one down to `v5`. Not
    /// what an emulator or another mode of the processor would run: a library for 32 bits is loaded by no process of 64.
    pub fn taken(&self) -> Vec<Self> {
        let newest =
            self.variant.as_deref().and_then(|variant| ARM_VARIANTS.iter().position(|known| *known == variant));
        match newest.filter(|_| self.architecture == "arm") {
            Some(newest) => {
                let of = |variant: &&str| Self { variant: Some((*variant).to_owned()), ..self.clone() };
                ARM_VARIANTS[..=newest].iter().rev().map(of).collect()
            }
            None => vec![self.clone()],
        }
    }

    /// What an index says of what is for this platform.
    pub fn to_entry(&self) -> oci::Platform {
        let variant = self.variant.iter().map(|variant| ("variant".to_owned(), variant.as_str().into()));
        oci::Platform { architecture: self.architecture.clone(), os: self.os.clone(), other: variant.collect() }
    }

    /// What an entry of an index says that it is for; nothing where it says nothing, or nothing that can be one.
    pub fn of_entry(platform: &oci::Platform) -> Option<Self> {
        let variant = match platform.other.get("variant") {
            Some(variant) => Some(variant.as_str()?).filter(|variant| !variant.is_empty()),
            None => None,
        };
        let name = Self::of_words(&platform.os, &platform.architecture, variant)?;
        (name.os != "unknown" && name.architecture != "unknown").then_some(name)
    }

    /// Of its words, each of which is one; nothing where one is none.
    fn of_words(os: &str, architecture: &str, variant: Option<&str>) -> Option<Self> {
        let os = if os == "macos" { "darwin" } else { os };
        let (architecture, variant) = one_spelling(architecture, variant);
        let are_words = [Some(os), Some(architecture), variant].into_iter().flatten().all(is_word);
        let owned = str::to_owned;
        are_words.then(|| Self { os: owned(os), architecture: owned(architecture), variant: variant.map(owned) })
    }
}

/// The variants of `arm`, the oldest first.
const ARM_VARIANTS: [&str; 4] = ["v5", "v6", "v7", "v8"];

/// The variant that is meant where none is said.
fn default_variant(architecture: &str) -> Option<&'static str> {
    (architecture == "arm").then_some("v7")
}

/// A processor as it is always written here. What is in no row stays as it is, and is the same as nothing else.
fn one_spelling<'a>(architecture: &'a str, variant: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match (architecture, variant) {
        ("i386", _) => ("386", None),
        ("amd64" | "x86_64" | "x86-64", None | Some("v1")) => ("amd64", None),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("arm64" | "aarch64", None | Some("8" | "v8")) => ("arm64", None),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", Some("v7")),
        ("armel", _) => ("arm", Some("v6")),
        ("arm", None | Some("7")) => ("arm", default_variant("arm")),
        ("arm", Some("5")) => ("arm", Some("v5")),
        ("arm", Some("6")) => ("arm", Some("v6")),
        ("arm", Some("8")) => ("arm", Some("v8")),
        other => other,
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
            ("linux/arm64/8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/aarch64/v9", "linux/arm64/v9"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/x86-64", "linux/amd64"),
            ("linux/x86_64/v3", "linux/amd64/v3"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v2", "linux/amd64/v2"),
            ("linux/i386", "linux/386"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/7", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/arm/5", "linux/arm/v5"),
            ("linux/arm/8", "linux/arm/v8"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("macos/aarch64", "darwin/arm64"),
            ("linux/riscv64", "linux/riscv64"),
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
            "linux/arm/",
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
        assert_eq!(read(json!({"os": "linux", "architecture": "arm", "variant": ""})).as_deref(), Some("linux/arm/v7"));
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
        assert_eq!(platform("linux/arm"), platform("linux/arm/v7"));
        assert_ne!(platform("linux/arm"), platform("linux/arm/v6"));
        assert_ne!(platform("linux/arm"), platform("linux/arm/v8"));
        assert_ne!(platform("linux/amd64"), platform("linux/amd64/v2"));
        assert_ne!(platform("linux/arm64"), platform("linux/arm64/v9"));
    }

    #[test]
    fn a_machine_takes_itself_and_of_arm_what_is_older() {
        let taken = |text: &str| {
            let taken = text.parse::<PlatformName>().expect(text).taken();
            taken.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(taken("linux/arm"), ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
        assert_eq!(taken("linux/arm/v5"), ["linux/arm/v5"]);
        assert_eq!(taken("linux/arm/v8"), ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
        for alone in ["linux/arm64", "linux/arm64/v9", "linux/amd64", "linux/amd64/v3", "linux/arm/v9", "plan9/386"] {
            assert_eq!(taken(alone), [alone]);
        }
    }

    #[test]
    fn what_is_written_of_a_platform_is_read_as_it() {
        for text in ["linux/amd64", "linux/arm/v6", "linux/arm64/v9"] {
            let platform: PlatformName = text.parse().expect(text);
            assert_eq!(PlatformName::of_entry(&platform.to_entry()), Some(platform), "{text}");
        }
    }

    #[test]
    fn what_comes_after_what_was_named_for_another_machine_is_for_that_one() {
        let here = PlatformName::here();
        assert_eq!(PlatformChoice::after(None), PlatformChoice::Here(here.clone()));
        assert_eq!(PlatformChoice::after(Some(here.clone())), PlatformChoice::Named(here));
        let other: PlatformName = "plan9/s390x".parse().expect("one");
        assert_eq!(PlatformChoice::after(Some(other.clone())), PlatformChoice::Named(other));
    }
}
