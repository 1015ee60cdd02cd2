//! `PredicateType`: what kind of thing an attestation says, and the words for it on a command line.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

use super::predicate::Predicate;
use super::refusal::invalid;

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const SPDX: &str = "https://spdx.dev/Document";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
/// What the context of every version of OpenVEX begins with.
const VEX_CONTEXT: &str = "https://openvex.dev/ns";
/// Longest URI: it stands in an annotation of a manifest as well, and in the list of a registry.
const MAX_PREDICATE_TYPE_BYTES: usize = 256;

/// The URI by which a predicate says what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PredicateType(String);

impl PredicateType {
    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PredicateType {
    type Err = Fault;

    /// A scheme, a colon and something behind it, in characters that are seen and that a URI may hold.
    fn from_str(text: &str) -> Result<Self> {
        let scheme = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
        let is_scheme = scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
        let is_plain = text.chars().all(|c| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c));
        match is_scheme && is_plain && text.len() <= MAX_PREDICATE_TYPE_BYTES {
            true => Ok(Self(text.to_owned())),
            false => {
                Err(Fault::new(Reason::AttestationInvalid, format!("`{}` is no type of a predicate", shown(text, 80)))
                    .expected(
                        format!("a URI of at most {MAX_PREDICATE_TYPE_BYTES} characters, such as {PROVENANCE}"),
                        "another text",
                    ))
            }
        }
    }
}

/// What somebody asks for by a word, or by a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttestationType {
    /// How it was made: provenance of SLSA.
    Provenance,
    /// What is in it: a bill of materials, of CycloneDX or SPDX as the document says itself.
    Sbom,
    /// Which known weaknesses matter: OpenVEX.
    Vex,
    /// What that URI stands for, whatever it is.
    Uri(PredicateType),
}

impl FromStr for AttestationType {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "slsa" => Ok(Self::Provenance),
            "sbom" => Ok(Self::Sbom),
            "vex" => Ok(Self::Vex),
            uri => uri.parse().map(Self::Uri).map_err(|_: Fault| {
                Fault::new(Reason::Usage, format!("`{}` is no type of an attestation", shown(uri, 80)))
                    .expected("slsa, sbom, vex, or a URI", "another text")
                    .hint("write the URI that the predicate's own specification gives it")
            }),
        }
    }
}

impl AttestationType {
    /// The URI for that predicate. A signed statement that says of a bill of materials that it is a provenance could
    /// never be taken back, so a word is held against what the document says itself.
    ///
    /// # Errors
    /// `attestation_invalid` for a document that is of another type than the word.
    pub fn of(&self, predicate: &Predicate) -> Result<PredicateType> {
        let uri = |text: &str| PredicateType(text.to_owned());
        let members = predicate.members();
        match self {
            Self::Uri(named) => Ok(named.clone()),
            Self::Provenance if members.has_build_definition => Ok(uri(PROVENANCE)),
            Self::Provenance => {
                Err(another(predicate, "the member `buildDefinition` of a provenance of SLSA v1", "none"))
            }
            Self::Vex if members.context.as_deref().is_some_and(|context| context.starts_with(VEX_CONTEXT)) => {
                Ok(uri(VEX))
            }
            Self::Vex => {
                let found = members.context.as_deref().unwrap_or("no `@context`");
                Err(another(predicate, &format!("an `@context` that begins with {VEX_CONTEXT}"), found))
            }
            Self::Sbom => match (members.bom_format.as_deref(), members.spdx_version.as_deref()) {
                (Some("CycloneDX"), None) => Ok(uri(CYCLONEDX)),
                (None, Some(version)) if version.starts_with("SPDX-") => Ok(uri(SPDX)),
                (bom, spdx) => {
                    let found = [bom, spdx].into_iter().flatten().collect::<Vec<_>>().join(" and ");
                    let found = if found.is_empty() { "neither member" } else { &found };
                    Err(another(predicate, "`bomFormat` CycloneDX, or an `spdxVersion`", found))
                }
            },
        }
    }
}

fn another(predicate: &Predicate, expected: &str, found: &str) -> Fault {
    invalid(format!("is to be of another type than `{}` is", predicate.name()))
        .expected(expected, shown(found, 120))
        .hint("name the type that the document is of with `--type`: slsa, sbom, vex, or its URI")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(word: &str, predicate: &str) -> Result<String> {
        let predicate = Predicate::read("x.json", predicate.as_bytes()).expect(predicate);
        word.parse::<AttestationType>()?.of(&predicate).map(|found| found.to_string())
    }

    #[test]
    fn a_word_leads_to_the_uri_of_what_the_document_says_that_it_is() {
        for (word, predicate, uri) in [
            ("slsa", r#"{"buildDefinition":{}}"#, PROVENANCE),
            ("sbom", r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#, CYCLONEDX),
            ("sbom", r#"{"spdxVersion":"SPDX-2.3"}"#, SPDX),
            ("vex", r#"{"@context":"https://openvex.dev/ns/v0.2.0"}"#, VEX),
            ("https://example.org/x?y=1#z", "{}", "https://example.org/x?y=1#z"),
            ("urn:x", r#"{"bomFormat":"CycloneDX"}"#, "urn:x"),
        ] {
            assert_eq!(typed(word, predicate).expect(word), uri);
        }
    }

    #[test]
    fn a_document_of_another_type_than_the_word_is_refused() {
        for (word, predicate) in [
            ("slsa", "{}"),
            ("slsa", r#"{"bomFormat":"CycloneDX"}"#),
            ("sbom", "{}"),
            ("sbom", r#"{"bomFormat":"Other"}"#),
            ("sbom", r#"{"bomFormat":1}"#),
            ("sbom", r#"{"spdxVersion":"2.3"}"#),
            ("sbom", r#"{"bomFormat":"CycloneDX","spdxVersion":"SPDX-2.3"}"#),
            ("vex", "{}"),
            ("vex", r#"{"@context":"https://example.org/"}"#),
        ] {
            let fault = typed(word, predicate).expect_err(predicate);
            assert_eq!(fault.reason(), Reason::AttestationInvalid, "{word} {predicate}");
        }
    }

    #[test]
    fn what_is_no_uri_names_no_type() {
        let long = |bytes: usize| format!("urn:{}", "x".repeat(bytes - 4));
        assert!(long(MAX_PREDICATE_TYPE_BYTES).parse::<PredicateType>().is_ok());
        for none in ["", "provenance", "SLSA", ":x", "urn:", "1urn:x", "urn:a b", "urn:\u{e9}", "urn:\n", "urn:<x>"] {
            assert_eq!(none.parse::<AttestationType>().expect_err(none).reason(), Reason::Usage, "{none}");
            assert_eq!(none.parse::<PredicateType>().expect_err(none).reason(), Reason::AttestationInvalid, "{none}");
        }
        assert!(long(MAX_PREDICATE_TYPE_BYTES + 1).parse::<PredicateType>().is_err());
    }
}
