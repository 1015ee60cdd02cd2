//! `Reference`: where an artifact is. `host[:port]/repository[:tag][@digest]`, `oci:PATH[:TAG]`,
//! `oci-archive:FILE[:TAG]`.
//!
//! The grammar is the OCI distribution specification's, read to the last byte. A reference becomes
//! a URL, a log line and a shell word in other people's scripts, so whatever could be taken for
//! something else (user names, options, blanks, numeric spellings of an address) is refused here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::address::{Zone, is_this_machine, mentioned_metadata_service, zone};
use crate::digest::{Algorithm, ArtifactDigest};
use crate::fault::{Fault, Reason, Result};
use crate::reference_meant;
use crate::text::{printable, shown};

/// Longest reference; registries refuse longer repository names anyway.
const MAX_REFERENCE_BYTES: usize = 1024;
/// Docker Hub, which answers under other names as well.
const HUB: &str = "docker.io";
/// Longest repository name that registries accept.
const MAX_REPOSITORY_BYTES: usize = 255;

/// Where an artifact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a registry, over HTTP.
    Registry(RegistryReference),
    /// In an OCI image layout: a directory, or one tar file.
    Layout(LayoutReference),
}

/// `host[:port]/repository[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReference {
    host: String,
    port: Option<u16>,
    repository: String,
    tag: Option<Tag>,
    digest: Option<ArtifactDigest>,
}

/// `oci:PATH[:TAG][@DIGEST]` or `oci-archive:FILE[:TAG][@DIGEST]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutReference {
    /// The directory, or the tar file.
    pub path: PathBuf,
    /// Which of the two it is.
    pub form: LayoutForm,
    /// The tag inside the layout's index; absent means its only artifact.
    pub tag: Option<Tag>,
    /// The digest that the artifact must have.
    pub digest: Option<ArtifactDigest>,
}

/// How an OCI image layout is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutForm {
    /// A directory with `oci-layout`, `index.json` and `blobs/`.
    Directory,
    /// The same as one uncompressed tar file.
    Archive,
}

/// `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = text.as_bytes();
        let valid = (1..=128).contains(&bytes.len())
            && (bytes[0].is_ascii_alphanumeric() || bytes[0] == b'_')
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if valid { Ok(Self(text.to_owned())) } else { Err(invalid(text, "the tag is not one")) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RegistryReference {
    /// Host and port, as they stand in the URL and in a credential store.
    pub fn registry(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The repository, `team/plugin`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was written. It decides; a tag beside it is a comment.
    pub fn digest(&self) -> Option<ArtifactDigest> {
        self.digest
    }

    /// Whether the host is this machine, where plain HTTP has nobody in between.
    pub fn is_loopback(&self) -> bool {
        is_this_machine(&self.host)
    }

    /// The same repository with that tag.
    #[must_use]
    pub fn tagged(&self, tag: Tag) -> Self {
        Self { tag: Some(tag), ..self.clone() }
    }

    /// The same repository at whatever the tag names.
    #[must_use]
    pub fn without_digest(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }

    /// The same repository at exactly that digest, without a tag.
    #[must_use]
    pub fn pinned(&self, digest: ArtifactDigest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }
}

impl Reference {
    /// The repository that it is in, by host and name and in one spelling; nothing for a layout, which anybody may
    /// have copied from anywhere.
    pub fn repository(&self) -> Option<String> {
        let Self::Registry(registry) = self else { return None };
        let host = match registry.registry().as_str() {
            "index.docker.io" | "registry-1.docker.io" => HUB.to_owned(),
            host => host.strip_suffix(":443").unwrap_or(host).to_owned(),
        };
        let repository = registry.repository().strip_prefix("library/").filter(|_| host == HUB);
        Some(format!("{host}/{}", repository.unwrap_or(registry.repository())))
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Registry(reference) => reference.tag(),
            Self::Layout(reference) => reference.tag.as_ref(),
        }
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<ArtifactDigest> {
        match self {
            Self::Registry(reference) => reference.digest(),
            Self::Layout(reference) => reference.digest,
        }
    }

    /// The same place at exactly that digest: what a script should hand on.
    #[must_use]
    pub fn pinned(&self, digest: ArtifactDigest) -> Self {
        match self {
            Self::Registry(reference) => Self::Registry(reference.pinned(digest)),
            Self::Layout(reference) => {
                Self::Layout(LayoutReference { tag: None, digest: Some(digest), ..reference.clone() })
            }
        }
    }

    /// The repository or the layout, without the tag and the digest that name one artifact of it.
    #[must_use]
    pub fn without_name(&self) -> Self {
        match self {
            Self::Registry(reference) => {
                Self::Registry(RegistryReference { tag: None, digest: None, ..reference.clone() })
            }
            Self::Layout(reference) => Self::Layout(LayoutReference { tag: None, digest: None, ..reference.clone() }),
        }
    }

    /// A layout directory without a tag.
    pub fn layout_directory(path: impl AsRef<Path>) -> Self {
        Self::layout(path.as_ref(), LayoutForm::Directory)
    }

    /// A layout archive without a tag.
    pub fn layout_archive(path: impl AsRef<Path>) -> Self {
        Self::layout(path.as_ref(), LayoutForm::Archive)
    }

    fn layout(path: &Path, form: LayoutForm) -> Self {
        Self::Layout(LayoutReference { path: path.to_owned(), form, tag: None, digest: None })
    }
}

impl FromStr for Reference {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(invalid(text, "it is empty"));
        }
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(invalid(text, "it is longer than 1024 bytes"));
        }
        for (scheme, form) in [("oci:", LayoutForm::Directory), ("oci-archive:", LayoutForm::Archive)] {
            if let Some(rest) = text.strip_prefix(scheme)
                && !rest.starts_with("//")
            {
                return layout_reference(text, rest, form).map(Self::Layout);
            }
        }
        registry_reference(text).map(Self::Registry).map_err(|fault| match reference_meant::meant(text, is_reference) {
            Some(meant) if fault.reason() == Reason::InvalidReference => fault.hint(meant),
            _ => fault,
        })
    }
}

fn is_reference(text: &str) -> bool {
    text.parse::<Reference>().is_ok()
}

fn layout_reference(text: &str, rest: &str, form: LayoutForm) -> Result<LayoutReference> {
    if rest.contains('\0') {
        return Err(invalid(text, "it holds a NUL"));
    }
    let (rest, digest) = match digest_at(rest) {
        Some(at) => (&rest[..at], Some(rest[at + 1..].parse()?)),
        None => (rest, None),
    };
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag.parse()?)),
        _ => (rest, None),
    };
    if path.is_empty() {
        return Err(invalid(text, "the path is empty"));
    }
    // Pinned, the tag goes, and the path's own end would be read in its place: another artifact.
    if tag.is_some() && path.rsplit('/').next().is_some_and(|name| name.contains(':')) {
        return Err(invalid(text, "its last part holds two `:`, and only a tag may follow one")
            .hint("rename the layout so that its name holds no `:`"));
    }
    Ok(LayoutReference { path: path.into(), form, tag, digest })
}

fn registry_reference(text: &str) -> Result<RegistryReference> {
    if text.starts_with('-') {
        return Err(invalid(text, "it begins with `-` and would be taken for an option"));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(invalid(text, &format!("it holds the character `{}`", printable(&odd.to_string()))));
    }
    if text.contains("://") {
        return Err(invalid(text, "it has a URL scheme; a reference begins with the host"));
    }
    if let Some(name) = mentioned_metadata_service(text) {
        return Err(forbidden(text, name));
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) if digest_at(text) == Some(rest.len()) => (rest, Some(digest.parse()?)),
        Some(_) => return Err(invalid(text, "what follows `@` is not a digest; user names have no place here")),
        None => (text, None),
    };
    let Some((authority, path)) = rest.split_once('/') else {
        return Err(invalid(text, "the registry's host is missing").hint(
            "write host[:port]/repository:tag; a local artifact is `oci-archive:FILE` or `oci:DIRECTORY`, if it exists",
        ));
    };
    let (host, port) = host_and_port(text, authority)?;
    // In lower case it would be read as a layout in a directory that is named like a port.
    if port.is_some() && matches!(host.as_str(), "oci" | "oci-archive") {
        return Err(invalid(
            text,
            &format!("the scheme is written in lower case, `{host}:`, and no registry is named so"),
        ));
    }
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) => {
            (repository, Some(tag.parse::<Tag>().map_err(|_| invalid(text, "the tag is not one"))?))
        }
        None => (path, None),
    };
    if !is_repository(repository) {
        return Err(invalid(text, "the repository is not `lower-case/words` of letters, digits, `.`, `_` and `-`"));
    }
    Ok(RegistryReference { host, port, repository: repository.to_owned(), tag, digest })
}

fn host_and_port(text: &str, authority: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let canonical = !port.is_empty() && !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
            match port.parse::<u16>() {
                Ok(port) if canonical => (host, Some(port)),
                _ => return Err(invalid(text, "the port is not a number from 1 to 65535")),
            }
        }
        _ => (authority, None),
    };
    let host = host.to_ascii_lowercase();
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let Ok(address) = inner.parse::<Ipv6Addr>() else {
            return Err(invalid(text, "the host is not an IPv6 address"));
        };
        refuse_metadata_address(text, IpAddr::V6(address))?;
        return Ok((host, port));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        refuse_metadata_address(text, IpAddr::V4(address))?;
        return Ok((host, port));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(invalid(text, "the host is not a host name"));
    }
    // `2852039166`, `0xa9fea9fe` and `0251.0376.0251.0376` are addresses to many resolvers. No real
    // top-level name begins with a digit.
    let last = host.rsplit('.').next().unwrap_or(&host);
    if last.as_bytes()[0].is_ascii_digit() {
        return Err(forbidden(text, "a numeric spelling of an address"));
    }
    if !host.contains('.') && port.is_none() && !is_this_machine(&host) {
        return Err(without_host(text));
    }
    Ok((host, port))
}

/// The text is repeated where it needs nothing but a host: it is a word of a shell then, whatever that is.
fn without_host(text: &str) -> Fault {
    let fault = invalid(text, "the registry's host is missing");
    match format!("localhost:5000/{text}").parse::<Reference>() {
        Ok(_) => fault.hint(format!("write the host first, for example `ghcr.io/{text}` or `localhost:5000/{text}`")),
        Err(_) => fault,
    }
}

fn refuse_metadata_address(text: &str, address: IpAddr) -> Result<()> {
    match zone(address) {
        Zone::Never => Err(forbidden(text, &address.to_canonical().to_string())),
        Zone::Public | Zone::Private | Zone::Loopback => Ok(()),
    }
}

/// Where the `@` of a digest stands: the first that an algorithm follows. In a path, a password or a user's name
/// it stands for itself.
fn digest_at(text: &str) -> Option<usize> {
    Algorithm::ALL.iter().filter_map(|algorithm| text.find(&format!("@{algorithm}:"))).min()
}

/// Whether a repository can have that name: `lower-case/words` of at most 255 bytes (distribution specification, "Pulling
/// manifests").
pub fn is_repository(name: &str) -> bool {
    name.len() <= MAX_REPOSITORY_BYTES && name.split('/').all(is_repository_component)
}

fn is_repository_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    // Separators are one `.`, one or two `_`, or any number of `-`, always between two alphanumerics.
    alphanumeric(first)
        && alphanumeric(last)
        && component
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn invalid(text: &str, why: &str) -> Fault {
    Fault::new(Reason::InvalidReference, format!("`{}` is not a reference: {why}", without_password(text)))
}

fn forbidden(text: &str, what: &str) -> Fault {
    Fault::new(Reason::ForbiddenRegistry, format!("`{}` names {what}", without_password(text)))
}

/// The text for an error: short, on one line, and without what stands before an `@`, which may be a
/// password. Errors end up in the logs of builds.
fn without_password(text: &str) -> String {
    let (place, digest) = text.split_at(digest_at(text).unwrap_or(text.len()));
    let (hidden, place) = place.rsplit_once('@').map_or(("", place), |(_, host)| ("[hidden]@", host));
    format!("{hidden}{}{}", shown(place, 120), shown(digest, 80))
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry(), self.repository)?;
        write_tag_and_digest(f, self.tag.as_ref(), self.digest)
    }
}

impl fmt::Display for LayoutReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.form {
            LayoutForm::Directory => "oci",
            LayoutForm::Archive => "oci-archive",
        };
        write!(f, "{scheme}:{}", self.path.display())?;
        write_tag_and_digest(f, self.tag.as_ref(), self.digest)
    }
}

fn write_tag_and_digest(f: &mut fmt::Formatter<'_>, tag: Option<&Tag>, digest: Option<ArtifactDigest>) -> fmt::Result {
    if let Some(tag) = tag {
        write!(f, ":{tag}")?;
    }
    if let Some(digest) = digest {
        write!(f, "@{digest}")?;
    }
    Ok(())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout(reference) => reference.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Reason {
        text.parse::<Reference>().expect_err(text).reason()
    }

    #[test]
    fn reads_and_writes_the_common_forms() {
        let digest = ArtifactDigest::of(b"x");
        for text in [
            "ghcr.io/o/p:v1".to_owned(),
            "ghcr.io/o/p".into(),
            "localhost:5000/p:1".into(),
            "127.0.0.1:5000/team/plugin:1.2.3".into(),
            "[::1]:5000/x".into(),
            format!("ghcr.io/o/p@{digest}"),
            format!("ghcr.io/o/p:v1@{digest}"),
            "oci:some/dir".into(),
            "oci:/abs/dir:v1".into(),
            "oci-archive:x.tar:v1".into(),
            format!("oci:dir@{digest}"),
        ] {
            assert_eq!(text.parse::<Reference>().expect(&text).to_string(), text);
        }
    }

    #[test]
    fn a_pinned_reference_reads_back_as_itself() {
        let digest = ArtifactDigest::of(b"x");
        for text in ["ghcr.io/o/p:v1", "oci:dir:v1", "oci:a:b/c:v1", "oci:a:b/c", "oci-archive:x.tar"] {
            let pinned = text.parse::<Reference>().expect(text).pinned(digest);
            assert_eq!(pinned.to_string().parse::<Reference>().expect(text), pinned);
        }
    }

    #[test]
    fn refuses_what_could_be_taken_for_something_else() {
        let long_tag = format!("ghcr.io/x/y:{}", "t".repeat(129));
        for text in [
            "",
            "-x/y",
            "--config=/x",
            "a b",
            "ghcr.io/a b",
            " ghcr.io/a",
            "ghcr.io/x/y:1\n",
            "ghcr.io/x\0y",
            "user:pw@host.example/x",
            "user@evil.com/x",
            "https://ghcr.io/o/p",
            "oci://ghcr.io/o/p",
            "ghcr.io/../../x",
            "ghcr.io/a//b",
            "ghcr.io/a/",
            "ghcr.io/A/b",
            "ghcr.io/a:",
            "x",
            "a/b",
            "ghcr.io/a#b",
            "ghcr.io/a%2fb",
            "é.example/x",
            "ghcr.io./x",
            "localhost./x",
            "localhost.:5000/x",
            "127.0.0.1.:5000/x",
            "ghcr.io:0/x",
            "ghcr.io:99999/x",
            "ghcr.io:/x",
            "ghcr.io/a@md5:00",
            "ghcr.io/a..b",
            "ghcr.io/a___b",
            "oci:",
            "oci::tag",
            "oci:dir:a:b",
            "Oci:1/k",
            "OCI-archive:5000/k:v1",
            "oci-archive:x/y.tar::b",
            &long_tag,
            &format!("ghcr.io/a@sha256:{}", "A".repeat(64)),
        ] {
            assert_eq!(reason(text), Reason::InvalidReference, "{text:?}");
        }
    }

    #[test]
    fn refuses_metadata_services_in_every_spelling() {
        for text in [
            "169.254.169.254/o/p",
            "metadata.google.internal/t/p",
            "METADATA.azure.com/x",
            "2852039166/x",
            "0xA9FEA9FE/x",
            "0251.0376.0251.0376/x",
            "169.254.170.2/x",
            "[fd00:ec2::254]/x",
            "[fe80::1]/x",
            "[::ffff:169.254.169.254]/x",
            "100.100.100.200/x",
            "168.63.129.16:80/x",
            "127.1/x",
            "017700000001:5000/x",
            "0.0.0.0:5000/x",
            "0.1.2.3/x",
            "224.0.0.1/x",
            "255.255.255.255/x",
            "[::]/x",
            "[ff02::1]/x",
            "[::127.0.0.1]/x",
            "[64:ff9b::169.254.169.254]/x",
            "[2002:a9fe:a9fe::]/x",
            "[fd20:ce::254]/x",
            "2130706433:5000/x",
            "0x7f.1/x",
            "metadata.google.internal.evil.example/x",
            "169.254.169.254.nip.io/x",
        ] {
            assert_eq!(reason(text), Reason::ForbiddenRegistry, "{text:?}");
        }
    }

    #[test]
    fn never_repeats_a_password() {
        for text in [
            "user:secret@host.example/x",
            "https://user:secret@host.example/x",
            "u:secret@h.example/x@sha256:zz",
            "u:p@secret@169.254.169.254/x",
        ] {
            let fault = text.parse::<Reference>().expect_err(text);
            assert!(!format!("{fault:?}").contains("secret"), "{fault:?}");
        }
    }

    #[test]
    fn knows_loopback() {
        for (text, expected) in [
            ("localhost:5000/x", true),
            ("127.0.0.1/x", true),
            ("[::1]:1/x", true),
            ("LOCALHOST:1/x", true),
            ("127.1.2.3:1/x", true),
            ("[::ffff:127.0.0.1]:1/x", true),
            ("registry.localhost:1/x", false),
            ("localhost.evil.com/x", false),
            ("10.0.0.1/x", false),
            ("ghcr.io/x", false),
        ] {
            let Reference::Registry(reference) = text.parse().expect(text) else { panic!("{text}") };
            assert_eq!(reference.is_loopback(), expected, "{text}");
        }
    }
}
