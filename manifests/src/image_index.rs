//! Image indexes: what of an index is an artifact, and when an index of one stands for it.
//!
//! A plugin is a single manifest, or one for each of several platforms in an index of its own. Tools wrap it all the same: buildx in an index with attestations, `docker
//! buildx imagetools create` and `oras manifest index create` in one for a platform, `cosign save` beside its
//! signatures. Such an index has one reading as long as it holds one artifact.

use std::collections::BTreeSet;

use crate::digest::ArtifactDigest;
use crate::fault::{Fault, Reason, Result};
use crate::oci::{ARTIFACT_TYPE, Descriptor, Document, ImageIndex, TITLE, VERSION};
use crate::platform::{PlatformChoice, PlatformName};

/// What buildx notes on what it puts beside an image: a manifest about it, which nobody installs.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// How cosign notes the kind of each entry of a layout that it saves.
const COSIGN_KIND: &str = "kind";
const COSIGN_BESIDE: [&str; 2] = ["dev.cosignproject.cosign/sigs", "dev.cosignproject.cosign/atts"];
/// What tools write for a manifest that is for no platform.
const UNKNOWN: &str = "unknown";
/// Most artifacts of an index that a refusal names.
const MAX_SHOWN: usize = 4;
/// Most platforms of an index that a refusal names.
const MAX_SHOWN_PLATFORMS: usize = 16;

impl ImageIndex {
    /// Reads an index, refusing documents that two readers could take for two things.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` when it is a manifest, another type of document, or ambiguous.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |what: &str| Fault::new(Reason::NotAPluginArtifact, what);
        if Document::of(bytes)? == Document::Manifest {
            return Err(refuse("a manifest stands where an image index should"));
        }
        let index: Self =
            serde_json::from_slice(bytes).map_err(|source| refuse("the image index is malformed").caused_by(source))?;
        match index.schema_version {
            2 => Ok(index),
            other => Err(refuse("the image index has another schema version").expected("2", other.to_string())),
        }
    }

    /// The artifacts of the index, each once, in its order: all entries but signatures and attestations that
    /// stand beside an artifact. What says that it is for no platform is beside one that says for which it is.
    /// Nothing is beside nothing: of an index of attestations alone they are the artifacts.
    pub fn artifacts(&self) -> Vec<&Descriptor> {
        let (mut artifacts, mut seen) = (self.entries(), BTreeSet::new());
        artifacts.retain(|entry| seen.insert(entry.digest));
        artifacts
    }

    /// As [`ImageIndex::artifacts`], one that stands there for several platforms as often.
    fn entries(&self) -> Vec<&Descriptor> {
        let mut artifacts = narrowed(self.manifests.iter().collect(), |entry| !is_beside_another(entry));
        if artifacts.iter().any(|entry| is_for_a_platform(entry)) {
            artifacts.retain(|entry| !is_for_no_platform(entry));
        }
        artifacts
    }

    /// The artifact of the index for whoever chooses so, and the platform by which it was chosen among several or that
    /// somebody has named.
    ///
    /// # Errors
    /// As [`ImageIndex::only_artifact`] where one of several names no platform; `platform_missing`, naming what there is,
    /// where none of them is for the platform, or several are.
    pub fn artifact_for(
        &self,
        choice: &PlatformChoice,
        reference: impl Fn(ArtifactDigest) -> String,
    ) -> Result<(&Descriptor, Option<PlatformName>)> {
        let wanted = match choice {
            PlatformChoice::Here(here) | PlatformChoice::Look(here) if !self.is_wrapped() => here.taken(),
            PlatformChoice::Named(wanted) => vec![wanted.clone()],
            PlatformChoice::None | PlatformChoice::Here(_) | PlatformChoice::Look(_) => {
                return Ok((self.only_artifact(reference)?, None));
            }
        };
        let Some(named) = self.for_platforms() else {
            // One that is for no platform is for this one as well, as a manifest that stands alone is.
            return Ok((self.only_artifact(reference)?, None));
        };
        let mut fitting =
            wanted.iter().map(|wanted| (wanted, fitting(&named, wanted))).filter(|(_, of)| !of.is_empty());
        match (fitting.next(), choice, named.first()) {
            (Some((_, fitting)), ..) if is_one_artifact(&fitting) => {
                let (entry, platform) = fitting[0];
                Ok((entry, Some(platform.clone())))
            }
            (None, PlatformChoice::Look(_), Some((entry, platform))) => Ok((entry, Some(platform.clone()))),
            (found, ..) => {
                let (wanted, count) = found.map_or((&wanted[0], 0), |(wanted, fitting)| (wanted, fitting.len()));
                Err(missing(wanted, count, named.iter().map(|(_, platform)| platform)))
            }
        }
    }

    /// Whether it is one artifact that a tool has wrapped, with its own platform beside it: whoever builds on one machine for
    /// all has that written there. Where an entry says that it is a plugin, somebody has said for which platform it is.
    fn is_wrapped(&self) -> bool {
        match self.artifacts().as_slice() {
            [only] => only.artifact_type.as_deref() != Some(ARTIFACT_TYPE),
            _ => false,
        }
    }

    /// The artifacts of an index that says of each for which platform it is, sorted by that; nothing where one of them
    /// does not say so, or there is none.
    pub fn for_platforms(&self) -> Option<Vec<(&Descriptor, PlatformName)>> {
        let entries = self.entries();
        let named = entries.iter().map(|entry| Some((*entry, PlatformName::of_entry(entry.platform.as_ref()?)?)));
        let mut named = named.collect::<Option<Vec<_>>>().filter(|named| !named.is_empty())?;
        named.sort_by(|(one, of_one), (other, of_other)| (of_one, one.digest).cmp(&(of_other, other.digest)));
        Some(named)
    }

    /// Whether the index itself is what is published, as [`ImageIndex::of_platforms`] makes one: it has nothing but
    /// artifacts, and says of each for which platform it is.
    pub fn is_of_platforms(&self) -> bool {
        self.for_platforms().is_some_and(|named| named.len() == self.manifests.len())
    }

    /// The index of one plugin in one version for several platforms: the same bytes whatever the order.
    pub fn of_platforms(
        artifacts: impl IntoIterator<Item = (PlatformName, Descriptor)>,
        (id, version): (&str, &str),
    ) -> Self {
        let mut named: Vec<_> = artifacts.into_iter().collect();
        named.sort_by(|(one, of_one), (other, of_other)| (one, of_one.digest).cmp(&(other, of_other.digest)));
        let entry = |(platform, artifact): (PlatformName, Descriptor)| Descriptor {
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            platform: Some(platform.to_entry()),
            ..artifact
        };
        let noted = [(TITLE, id), (VERSION, version)].map(|(key, text)| (key.to_owned(), text.to_owned()));
        Self { annotations: noted.into(), ..Self::new(named.into_iter().map(entry).collect()) }
    }

    /// The only artifact of the index.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` when there are several, naming `MAX_SHOWN` of them by `reference`, or none.
    pub fn only_artifact(&self, reference: impl Fn(ArtifactDigest) -> String) -> Result<&Descriptor> {
        let artifacts = self.artifacts();
        if let [only] = artifacts.as_slice() {
            return Ok(only);
        }
        let fault =
            Fault::new(Reason::NotAPluginArtifact, "the reference names an image index, and a plugin is one manifest")
                .expected("an index of one manifest, signatures and attestations apart", artifacts.len().to_string());
        let choices: Vec<String> =
            artifacts.iter().take(MAX_SHOWN).map(|entry| format!("`{}`", reference(entry.artifact_digest()))).collect();
        Err(match (choices.is_empty(), artifacts.len() > MAX_SHOWN) {
            (true, _) => fault,
            (false, true) => fault.hint(format!("name the one that is meant: {}, …", choices.join(", "))),
            (false, false) => fault.hint(format!("name the one that is meant: {}", choices.join(" or "))),
        })
    }
}

/// Those of the artifacts that are for that platform.
fn fitting<'a, 'b>(
    named: &'b [(&'a Descriptor, PlatformName)],
    wanted: &PlatformName,
) -> Vec<(&'a Descriptor, &'b PlatformName)> {
    named.iter().filter(|(_, platform)| platform == wanted).map(|(entry, platform)| (*entry, platform)).collect()
}

fn is_one_artifact(fitting: &[(&Descriptor, &PlatformName)]) -> bool {
    fitting.windows(2).all(|two| two[0].0.digest == two[1].0.digest)
}

fn missing<'a>(wanted: &PlatformName, fitting: usize, offered: impl Iterator<Item = &'a PlatformName>) -> Fault {
    let offered: BTreeSet<String> = offered.map(ToString::to_string).collect();
    let named: Vec<&str> = offered.iter().take(MAX_SHOWN_PLATFORMS).map(String::as_str).collect();
    let more = if offered.len() > MAX_SHOWN_PLATFORMS { ", …" } else { "" };
    let (what, expected) = match fitting {
        0 => (format!("the index has no artifact for {wanted}"), wanted.to_string()),
        count => (format!("the index has {count} artifacts for {wanted}"), format!("one for {wanted}")),
    };
    Fault::new(Reason::PlatformMissing, what).expected(expected, format!("{}{more}", named.join(", ")))
}

/// Those of the entries that pass, or all of them when none does.
fn narrowed<'a>(entries: Vec<&'a Descriptor>, passes: impl Fn(&&'a Descriptor) -> bool) -> Vec<&'a Descriptor> {
    let narrower: Vec<_> = entries.iter().copied().filter(passes).collect();
    if narrower.is_empty() { entries } else { narrower }
}

fn is_beside_another(entry: &Descriptor) -> bool {
    let kind = entry.annotations.get(COSIGN_KIND).map(String::as_str);
    entry.annotations.contains_key(REFERENCE_TYPE) || kind.is_some_and(|kind| COSIGN_BESIDE.contains(&kind))
}

fn is_for_a_platform(entry: &Descriptor) -> bool {
    let is_named = |word: &str| !word.is_empty() && word != UNKNOWN;
    entry.platform.as_ref().is_some_and(|platform| is_named(&platform.os) && is_named(&platform.architecture))
}

fn is_for_no_platform(entry: &Descriptor) -> bool {
    entry.platform.as_ref().is_some_and(|platform| platform.os == UNKNOWN && platform.architecture == UNKNOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::oci::{INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE};

    fn entry(content: &str, more: Value) -> Value {
        let mut entry = serde_json::to_value(Descriptor::of(MANIFEST_MEDIA_TYPE, content.as_bytes())).expect("JSON");
        entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        entry
    }

    fn index(entries: Vec<Value>) -> ImageIndex {
        let document = json!({"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": entries});
        ImageIndex::read(document.to_string().as_bytes()).expect("an index")
    }

    #[test]
    fn nothing_is_left_out_beside_an_entry_that_names_no_platform() {
        for beside in [json!({}), json!({"platform": {"os": "", "architecture": ""}}), platform("unknown", "amd64")] {
            let both = index(vec![entry("a", beside.clone()), entry("b", platform("unknown", "unknown"))]);
            assert_eq!(both.artifacts().len(), 2, "{beside}");
        }
        let one = index(vec![entry("a", platform("linux", "amd64")), entry("b", platform("unknown", "unknown"))]);
        assert_eq!(one.artifacts().len(), 1);
    }

    fn platform(os: &str, architecture: &str) -> Value {
        json!({"platform": {"os": os, "architecture": architecture}})
    }

    #[test]
    fn an_index_of_one_artifact_and_what_stands_beside_it_has_one_reading() {
        let attestation = json!({
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        });
        let unnoted = platform("unknown", "unknown");
        let cosign = |kind: &str| json!({"annotations": {"kind": format!("dev.cosignproject.cosign/{kind}")}});
        for entries in [
            vec![entry("plugin", json!({}))],
            vec![entry("plugin", platform("linux", "amd64"))],
            vec![entry("plugin", platform("linux", "amd64")), entry("provenance", attestation.clone())],
            vec![entry("provenance", attestation.clone()), entry("plugin", unnoted.clone())],
            vec![entry("plugin", platform("linux", "amd64")), entry("sbom", unnoted.clone())],
            vec![entry("plugin", platform("linux", "amd64")), entry("plugin", platform("linux", "arm64"))],
            vec![entry("plugin", cosign("image")), entry("signature", cosign("sigs")), entry("sbom", cosign("atts"))],
            vec![entry("plugin", unnoted)],
        ] {
            let shown = format!("{entries:?}");
            let index = index(entries);
            let only = index.only_artifact(|digest| digest.to_string()).expect(&shown);
            assert_eq!(only.artifact_digest(), ArtifactDigest::of(b"plugin"), "{shown}");
        }
    }

    #[test]
    fn of_several_artifacts_none_is_guessed_and_each_is_named() {
        let two = index(vec![entry("a", platform("linux", "amd64")), entry("b", platform("linux", "arm64"))]);
        let fault = two.only_artifact(|digest| format!("reg/x@{digest}")).expect_err("two");
        assert_eq!(fault.reason(), Reason::NotAPluginArtifact);
        for artifact in ["a", "b"] {
            let reference = format!("`reg/x@{}`", ArtifactDigest::of(artifact.as_bytes()));
            assert!(fault.next_step().contains(&reference), "{}", fault.next_step());
        }
        let many = (0..5).map(|number| entry(&number.to_string(), json!({}))).collect();
        let fault = index(many).only_artifact(|digest| digest.to_string()).expect_err("five");
        assert_eq!(fault.next_step().matches("sha256:").count(), MAX_SHOWN);
        assert!(fault.next_step().ends_with(", …"), "{}", fault.next_step());
        let none = index(vec![]).only_artifact(|digest| digest.to_string()).expect_err("none");
        assert_eq!(none.difference().expect("numbers").found, "0");
    }

    fn chosen(
        index: &ImageIndex,
        choice: &PlatformChoice,
    ) -> std::result::Result<(ArtifactDigest, Option<String>), Fault> {
        let (entry, platform) = index.artifact_for(choice, |digest| digest.to_string())?;
        Ok((entry.artifact_digest(), platform.map(|platform| platform.to_string())))
    }

    #[test]
    fn of_several_the_one_for_the_platform_is_taken_and_of_one_what_it_is() {
        let name = |text: &str| text.parse::<PlatformName>().expect(text);
        let here = |text: &str| PlatformChoice::Here(name(text));
        let named = |text: &str| PlatformChoice::Named(name(text));
        let of = |content: &str| ArtifactDigest::of(content.as_bytes());
        let two = index(vec![
            entry("a", platform("linux", "amd64")),
            entry("b", platform("linux", "arm64")),
            entry("b", platform("darwin", "arm64")),
            entry("sbom", platform("unknown", "unknown")),
        ]);
        for choice in [&here as &dyn Fn(&str) -> PlatformChoice, &named] {
            assert_eq!(chosen(&two, &choice("linux/amd64")).expect("there"), (of("a"), Some("linux/amd64".to_owned())));
            assert_eq!(
                chosen(&two, &choice("darwin/arm64")).expect("there"),
                (of("b"), Some("darwin/arm64".to_owned()))
            );
            let fault = chosen(&two, &choice("linux/s390x")).expect_err("none");
            assert_eq!(fault.reason(), Reason::PlatformMissing);
            let difference = fault.difference().expect("both");
            assert_eq!(
                (&*difference.expected, &*difference.found),
                ("linux/s390x", "darwin/arm64, linux/amd64, linux/arm64")
            );
        }
        assert_eq!(chosen(&two, &PlatformChoice::None).expect_err("two").reason(), Reason::NotAPluginArtifact);

        let one = index(vec![entry("a", platform("linux", "amd64"))]);
        assert_eq!(chosen(&one, &here("linux/arm64")).expect("the only one"), (of("a"), None));
        assert_eq!(chosen(&one, &named("linux/amd64")).expect("named"), (of("a"), Some("linux/amd64".to_owned())));
        assert_eq!(chosen(&one, &named("linux/arm64")).expect_err("another").reason(), Reason::PlatformMissing);
        let said = ImageIndex::of_platforms([(name("linux/amd64"), one.manifests[0].clone())], ("demo", "1.0.0"));
        assert_eq!(chosen(&said, &here("linux/amd64")).expect("for it"), (of("a"), Some("linux/amd64".to_owned())));
        let fault = chosen(&said, &here("linux/arm64")).expect_err("whoever has packed it said for what");
        assert_eq!(fault.reason(), Reason::PlatformMissing);
        assert_eq!(chosen(&said, &PlatformChoice::Look(name("linux/arm64"))).expect("shown").0, of("a"));
        let for_all = index(vec![entry("a", json!({}))]);
        assert_eq!(chosen(&for_all, &named("linux/arm64")).expect("for all"), (of("a"), None));
    }

    #[test]
    fn of_two_for_one_platform_and_beside_one_for_none_nothing_is_guessed() {
        let wanted = PlatformChoice::Named("linux/amd64".parse().expect("one"));
        let twice = index(vec![entry("a", platform("linux", "amd64")), entry("b", platform("linux", "amd64"))]);
        assert_eq!(chosen(&twice, &wanted).expect_err("two").reason(), Reason::PlatformMissing);
        let same = index(vec![entry("a", platform("linux", "amd64")), entry("a", platform("linux", "amd64"))]);
        assert!(chosen(&same, &wanted).is_ok());
        let beside = index(vec![entry("a", platform("linux", "amd64")), entry("b", json!({}))]);
        assert_eq!(chosen(&beside, &wanted).expect_err("guessed").reason(), Reason::NotAPluginArtifact);
        let none = index(vec![]);
        assert_eq!(chosen(&none, &wanted).expect_err("none").reason(), Reason::NotAPluginArtifact);
    }

    #[test]
    fn of_arm_the_newest_that_runs_is_taken_by_the_machine_and_exactly_one_by_name() {
        let here: PlatformName = "linux/arm/v7".parse().expect("one");
        let arm = |variant: &str| json!({"platform": {"os": "linux", "architecture": "arm", "variant": variant}});
        let of = |content: &str| ArtifactDigest::of(content.as_bytes());
        let three = index(vec![entry("5", arm("v5")), entry("8", arm("v8")), entry("6", arm("v6"))]);
        let choice = PlatformChoice::Here(here.clone());
        assert_eq!(chosen(&three, &choice).expect("older"), (of("6"), Some("linux/arm/v6".to_owned())));
        let fault = chosen(&three, &PlatformChoice::Named(here.clone())).expect_err("by name");
        assert_eq!(fault.reason(), Reason::PlatformMissing);
        // Without a variant it is v7.
        let plain = index(vec![entry("6", arm("v6")), entry("7", platform("linux", "arm"))]);
        assert_eq!(chosen(&plain, &choice).expect("itself"), (of("7"), Some("linux/arm/v7".to_owned())));
        // Two spellings of one platform are two artifacts for it.
        let twice = index(vec![entry("7", arm("v7")), entry("other", platform("linux", "arm"))]);
        assert_eq!(chosen(&twice, &choice).expect_err("two").reason(), Reason::PlatformMissing);
        let newer = index(vec![entry("8", arm("v8")), entry("64", platform("linux", "arm64"))]);
        assert_eq!(chosen(&newer, &choice).expect_err("newer").reason(), Reason::PlatformMissing);
    }

    #[test]
    fn whoever_looks_sees_the_one_for_this_machine_else_the_first() {
        let of = |content: &str| ArtifactDigest::of(content.as_bytes());
        let look = |text: &str| PlatformChoice::Look(text.parse().expect(text));
        let two = index(vec![entry("b", platform("linux", "arm64")), entry("a", platform("linux", "amd64"))]);
        assert_eq!(chosen(&two, &look("linux/arm64")).expect("here"), (of("b"), Some("linux/arm64".to_owned())));
        assert_eq!(chosen(&two, &look("plan9/386")).expect("first"), (of("a"), Some("linux/amd64".to_owned())));
        let unnamed = index(vec![entry("a", json!({})), entry("b", platform("linux", "arm64"))]);
        assert_eq!(chosen(&unnamed, &look("plan9/386")).expect_err("two").reason(), Reason::NotAPluginArtifact);
        let one = index(vec![entry("a", platform("linux", "amd64"))]);
        assert_eq!(chosen(&one, &look("plan9/386")).expect("one"), (of("a"), None));
    }

    #[test]
    fn an_index_that_is_made_has_the_same_bytes_in_whatever_order() {
        let name = |text: &str| text.parse::<PlatformName>().expect(text);
        let artifact = |content: &str| Descriptor::of(MANIFEST_MEDIA_TYPE, content.as_bytes());
        let parts = || [(name("linux/arm/v7"), artifact("7")), (name("linux/amd64"), artifact("64"))];
        let made = ImageIndex::of_platforms(parts(), ("demo", "1.0.0"));
        let mut turned = parts();
        turned.reverse();
        assert_eq!(made, ImageIndex::of_platforms(turned, ("demo", "1.0.0")));
        let read = ImageIndex::read(&crate::oci::to_bytes(&made)).expect("an index");
        let named: Vec<String> = read.for_platforms().expect("all").iter().map(|(_, name)| name.to_string()).collect();
        assert_eq!(named, ["linux/amd64", "linux/arm/v7"]);
        assert!(read.is_of_platforms());
        let provenance = json!({"annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
        let buildx = index(vec![entry("a", platform("linux", "amd64")), entry("p", provenance)]);
        assert!(!buildx.is_of_platforms() && buildx.for_platforms().is_some());
        assert!(!index(vec![]).is_of_platforms());
    }

    #[test]
    fn a_refusal_names_a_page_of_platforms_at_most() {
        let of = |count: usize| {
            index((0..count).map(|at| entry(&at.to_string(), platform("linux", &format!("p{at:02}")))).collect())
        };
        let found = |count| {
            let fault =
                chosen(&of(count), &PlatformChoice::Named("linux/amd64".parse().expect("one"))).expect_err("none");
            fault.difference().expect("both").found.clone()
        };
        assert!(found(MAX_SHOWN_PLATFORMS).ends_with("linux/p15"));
        assert!(found(MAX_SHOWN_PLATFORMS + 1).ends_with("linux/p15, …"));
    }

    #[test]
    fn refuses_an_index_with_two_readings() {
        for document in [
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
            "[]",
        ] {
            let fault = ImageIndex::read(document.as_bytes()).expect_err(document);
            assert_eq!(fault.reason(), Reason::NotAPluginArtifact, "{document}");
        }
    }

    #[test]
    fn what_an_entry_says_of_its_platform_is_kept_when_an_index_is_written_again() {
        let whole = json!({"platform": {"architecture": "arm", "os": "linux", "os.version": "1", "variant": "v7"}});
        let index = index(vec![entry("a", whole.clone())]);
        let written: Value = serde_json::from_slice(&crate::oci::to_bytes(&index)).expect("JSON");
        assert_eq!(written["manifests"][0]["platform"], whole["platform"]);
    }
}
