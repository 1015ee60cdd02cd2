//! `LockEntry`: what was accepted of one plugin, and the fields that say it.

use aisoc_manifests::digest::{AcceptedDigest, ArtifactDigest};
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::version_order::compare;
use aisoc_signing::{Coverage, Fingerprint};
use jiff::Timestamp;

use super::schema::LockSchema;

/// How a distribution hash begins, before its digits.
const ALGORITHMS: [&str; 2] = ["sha256:", "sha512:"];
/// The words for where a plugin was found, in the order in which they are looked at.
const SOURCES: [&str; 5] = ["compiled", "dir", "oci", "entry_point", "dropin"];
const COVERAGES: [Coverage; 3] = [Coverage::Full, Coverage::Code, Coverage::None];

/// One accepted plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockEntry {
    /// The plugin.
    pub id: String,
    /// What it came in: a distribution, a repository, `<local>`, `aisoc`.
    pub package: String,
    /// The version that was accepted.
    pub version: String,
    /// What is loaded of it; always with a `:`.
    pub entry_point: String,
    /// The content that was accepted: `sha256:` or `sha512:`, and digits.
    pub distribution_hash: String,
    /// What schema version 2 knows besides.
    pub provenance: Provenance,
}

/// Where an accepted plugin came from, and what it was when it was accepted. Nothing of it in schema version 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// Where it was found: `compiled`, `dir`, `oci`, `entry_point` or `dropin`.
    pub source: Option<String>,
    /// The reference that it was installed from.
    pub oci_ref: Option<String>,
    /// The digest of the artifact's manifest.
    pub oci_digest: Option<String>,
    /// The digest of the image index that the reference named, where the artifact was taken of one.
    pub oci_index_digest: Option<String>,
    /// The platform by which it was taken of that: `OS/ARCHITECTURE[/VARIANT]`.
    pub oci_platform: Option<String>,
    /// The keys that have signed it, as `SHA256:` and 64 digits.
    pub signed_by: Option<Vec<String>>,
    /// How much of it they cover: `full`, `code` or `none`. No less is accepted again.
    pub coverage: Option<String>,
    /// What it asks of the host.
    pub capabilities: Option<Vec<String>>,
    /// The oldest version that is accepted again.
    pub version_floor: Option<String>,
    /// When, as RFC 3339 text.
    pub accepted_at: Option<String>,
}

impl Provenance {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldValue {
    Text(String),
    Texts(Vec<String>),
}

/// The name of something that an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `id`
    Id,
    /// `package`
    Package,
    /// `version`
    Version,
    /// `entry_point`
    EntryPoint,
    /// `distribution_hash`
    DistributionHash,
    /// `source`
    Source,
    /// `oci_ref`
    OciRef,
    /// `oci_digest`
    OciDigest,
    /// `oci_index_digest`
    OciIndexDigest,
    /// `oci_platform`
    OciPlatform,
    /// `signed_by`
    SignedBy,
    /// `coverage`
    Coverage,
    /// `capabilities`
    Capabilities,
    /// `version_floor`
    VersionFloor,
    /// `accepted_at`
    AcceptedAt,
}

impl Field {
    /// Every field, in the order in which they are written.
    pub const ALL: [Self; 15] = [
        Self::Id,
        Self::Package,
        Self::Version,
        Self::EntryPoint,
        Self::DistributionHash,
        Self::Source,
        Self::OciRef,
        Self::OciDigest,
        Self::OciIndexDigest,
        Self::OciPlatform,
        Self::SignedBy,
        Self::Coverage,
        Self::Capabilities,
        Self::VersionFloor,
        Self::AcceptedAt,
    ];
    /// Those that every entry has, and in schema version 1 no others.
    pub const REQUIRED: [Self; 5] = [Self::Id, Self::Package, Self::Version, Self::EntryPoint, Self::DistributionHash];

    /// Its key in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Package => "package",
            Self::Version => "version",
            Self::EntryPoint => "entry_point",
            Self::DistributionHash => "distribution_hash",
            Self::Source => "source",
            Self::OciRef => "oci_ref",
            Self::OciDigest => "oci_digest",
            Self::OciIndexDigest => "oci_index_digest",
            Self::OciPlatform => "oci_platform",
            Self::SignedBy => "signed_by",
            Self::Coverage => "coverage",
            Self::Capabilities => "capabilities",
            Self::VersionFloor => "version_floor",
            Self::AcceptedAt => "accepted_at",
        }
    }

    /// The fields of a schema version.
    pub fn of_schema(schema: LockSchema) -> &'static [Self] {
        match schema {
            LockSchema::One => &Self::REQUIRED,
            LockSchema::Two => &Self::ALL,
        }
    }

    /// The field of that key, in a schema version.
    pub(super) fn of_key(key: &str, schema: LockSchema) -> Option<Self> {
        Self::of_schema(schema).iter().copied().find(|field| field.as_str() == key)
    }

    /// Whether it holds a list of texts.
    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::SignedBy | Self::Capabilities)
    }

    /// What is wrong with a text in it: what would be right.
    pub(super) fn objection(self, text: &str) -> Option<&'static str> {
        let is_right = match self {
            Self::Id | Self::Package | Self::Version => true,
            Self::EntryPoint => text.contains(':'),
            Self::DistributionHash => is_hash(text),
            Self::Source => SOURCES.contains(&text),
            Self::OciRef | Self::Capabilities | Self::VersionFloor => !text.trim().is_empty(),
            Self::OciDigest | Self::OciIndexDigest => text.parse::<ArtifactDigest>().is_ok(),
            // One spelling alone: two would be two platforms to whoever compares them as they stand.
            Self::OciPlatform => text.parse::<PlatformName>().is_ok_and(|platform| platform.to_string() == text),
            Self::SignedBy => text.parse::<Fingerprint>().is_ok(),
            Self::Coverage => COVERAGES.iter().any(|coverage| coverage.as_str() == text),
            Self::AcceptedAt => text.parse::<Timestamp>().is_ok(),
        };
        (!is_right).then_some(match self {
            Self::EntryPoint => "a text with a `:`, such as module:Class",
            Self::DistributionHash => "`sha256:` or `sha512:` and a digest",
            Self::Source => "compiled, dir, oci, entry_point or dropin",
            Self::OciPlatform => "OS/ARCHITECTURE[/VARIANT] in its one spelling, such as linux/arm64",
            Self::OciDigest | Self::OciIndexDigest => "`sha256:` or `sha512:` and the digits of one",
            Self::SignedBy => "`SHA256:` and 64 hexadecimal digits in lower case",
            Self::Coverage => "full, code or none",
            Self::AcceptedAt => "a time such as 2026-01-31T12:00:00Z",
            _ => "a text that is not blank",
        })
    }
}

/// As capa has it: the algorithm and something behind it.
fn is_hash(text: &str) -> bool {
    ALGORITHMS.iter().any(|algorithm| text.strip_prefix(algorithm).is_some_and(|digest| !digest.is_empty()))
}

impl LockEntry {
    /// Of everything that it says: the name of each field that it has, and its texts, each with its length before it.
    pub fn digest(&self) -> AcceptedDigest {
        let mut hasher = AcceptedDigest::hasher();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        };
        for field in Field::ALL {
            let texts = match self.value(field) {
                None => continue,
                Some(FieldValue::Text(text)) => vec![text],
                Some(FieldValue::Texts(texts)) => texts,
            };
            add(field.as_str());
            add(&texts.len().to_string());
            texts.iter().for_each(|text| add(text));
        }
        hasher.finish()
    }

    /// What a field of it holds; nothing when the entry has none.
    pub(super) fn value(&self, field: Field) -> Option<FieldValue> {
        let text = |text: &String| Some(FieldValue::Text(text.clone()));
        let texts = |texts: &Vec<String>| FieldValue::Texts(texts.clone());
        let Provenance {
            source,
            oci_ref,
            oci_digest,
            oci_index_digest,
            oci_platform,
            signed_by,
            coverage,
            capabilities,
            version_floor,
            accepted_at,
        } = &self.provenance;
        match field {
            Field::Id => text(&self.id),
            Field::Package => text(&self.package),
            Field::Version => text(&self.version),
            Field::EntryPoint => text(&self.entry_point),
            Field::DistributionHash => text(&self.distribution_hash),
            Field::Source => source.as_ref().and_then(text),
            Field::OciRef => oci_ref.as_ref().and_then(text),
            Field::OciDigest => oci_digest.as_ref().and_then(text),
            Field::OciIndexDigest => oci_index_digest.as_ref().and_then(text),
            Field::OciPlatform => oci_platform.as_ref().and_then(text),
            Field::SignedBy => signed_by.as_ref().map(texts),
            Field::Coverage => coverage.as_ref().and_then(text),
            Field::Capabilities => capabilities.as_ref().map(texts),
            Field::VersionFloor => version_floor.as_ref().and_then(text),
            Field::AcceptedAt => accepted_at.as_ref().and_then(text),
        }
    }

    /// Puts what was read into a field.
    pub(super) fn set(&mut self, field: Field, value: FieldValue) {
        let provenance = &mut self.provenance;
        match (field, value) {
            (Field::Id, FieldValue::Text(text)) => self.id = text,
            (Field::Package, FieldValue::Text(text)) => self.package = text,
            (Field::Version, FieldValue::Text(text)) => self.version = text,
            (Field::EntryPoint, FieldValue::Text(text)) => self.entry_point = text,
            (Field::DistributionHash, FieldValue::Text(text)) => self.distribution_hash = text,
            (Field::Source, FieldValue::Text(text)) => provenance.source = Some(text),
            (Field::OciRef, FieldValue::Text(text)) => provenance.oci_ref = Some(text),
            (Field::OciDigest, FieldValue::Text(text)) => provenance.oci_digest = Some(text),
            (Field::OciIndexDigest, FieldValue::Text(text)) => provenance.oci_index_digest = Some(text),
            (Field::OciPlatform, FieldValue::Text(text)) => provenance.oci_platform = Some(text),
            (Field::Coverage, FieldValue::Text(text)) => provenance.coverage = Some(text),
            (Field::VersionFloor, FieldValue::Text(text)) => provenance.version_floor = Some(text),
            (Field::AcceptedAt, FieldValue::Text(text)) => provenance.accepted_at = Some(text),
            (Field::SignedBy, FieldValue::Texts(texts)) => provenance.signed_by = Some(texts),
            (Field::Capabilities, FieldValue::Texts(texts)) => provenance.capabilities = Some(texts),
            // The reader gives each field what it holds.
            (_, FieldValue::Text(_) | FieldValue::Texts(_)) => {}
        }
    }

    /// An entry that nothing was read into yet.
    pub(super) fn blank() -> Self {
        let (id, package, version) = (String::new(), String::new(), String::new());
        let (entry_point, distribution_hash) = (String::new(), String::new());
        Self { id, package, version, entry_point, distribution_hash, provenance: Provenance::default() }
    }

    /// Whether its version is older than the oldest that it accepts, as far as they can be compared.
    pub fn is_below_its_floor(&self) -> bool {
        let floor = self.provenance.version_floor.as_deref();
        floor.is_some_and(|floor| compare(&self.version, floor) == Some(std::cmp::Ordering::Less))
    }

    /// The first field that could not be read again, and what would be right there.
    pub(super) fn objection(&self) -> Option<(Field, &'static str)> {
        Field::ALL.into_iter().find_map(|field| {
            let objection = |text: &String| field.objection(text).map(|right| (field, right));
            match self.value(field)? {
                FieldValue::Text(text) => objection(&text),
                FieldValue::Texts(texts) => texts.iter().find_map(objection),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_key_and_gives_back_what_it_was_given() {
        let mut entry = LockEntry::blank();
        for (number, field) in Field::ALL.into_iter().enumerate() {
            let value = match field.is_list() {
                true => FieldValue::Texts(vec![number.to_string()]),
                false => FieldValue::Text(number.to_string()),
            };
            entry.set(field, value.clone());
            assert_eq!(entry.value(field), Some(value), "{field:?}");
        }
        for schema in [LockSchema::One, LockSchema::Two] {
            assert_eq!(LockSchema::of_number(schema.number()), Some(schema));
            for field in Field::of_schema(schema) {
                assert_eq!(Field::of_key(field.as_str(), schema), Some(*field));
            }
            assert_eq!(Field::of_key("hash", schema), None);
        }
        assert_eq!(Field::of_key("source", LockSchema::One), None, "capa knows none");
        assert!(Field::ALL.starts_with(&Field::REQUIRED));
        assert!([0, 3, -1].iter().all(|number| LockSchema::of_number(*number).is_none()));
    }

    #[test]
    fn a_floor_is_about_versions_that_can_be_compared() {
        for (version, floor, is_below) in [
            ("1.0", None, false),
            ("1.0", Some("1.0"), false),
            ("1.0", Some("1.0.1"), true),
            ("1.0.0-rc.1", Some("1.0"), true),
            ("1.10", Some("1.9"), false),
            ("one", Some("1.0"), false),
        ] {
            let mut entry = LockEntry::blank();
            (entry.version, entry.provenance.version_floor) = (version.to_owned(), floor.map(str::to_owned));
            assert_eq!(entry.is_below_its_floor(), is_below, "{version} {floor:?}");
        }
    }
}
