//! `Stated`: what a Python distribution states of its own modules, and whether they are that.
//!
//! What a lock has accepted is the hash of `METADATA` and `RECORD`, and `RECORD` has a hash of each file. So both are read
//! again and held to what was judged, and the modules are held to them. What `RECORD` does not state, and what the
//! distribution needs of others, Python reads from its site-packages directories itself.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use aisoc_discovery::{Discovered, Origin, distribution_hash};
use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_installation::escaped;
use aisoc_manifests::digest::{FileDigest, hex};
use aisoc_manifests::fault::{Fault, Reason, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Most bytes of `METADATA` and of `RECORD`: as they were read when they were found.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Most bytes of the modules of one distribution: they are held in memory while it is loaded.
const MAX_MODULES_BYTES: u64 = 16 << 20;

/// What the code that runs is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedAgainst {
    /// To the digest that was judged.
    Digest,
    /// To the `RECORD` of its distribution, of which that digest is; what it needs of others is not.
    Record,
    /// To nothing: its `RECORD` does not state it.
    Nothing,
}

impl CheckedAgainst {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Record => "record",
            Self::Nothing => "nothing",
        }
    }
}

/// The modules that the distribution of an entry point states, as they are stated, by their paths below its site-packages
/// directory.
#[derive(Debug)]
pub(crate) struct Stated {
    pub(crate) sources: BTreeMap<String, Vec<u8>>,
    /// What the module that the entry point names is held to.
    pub(crate) checked_against: CheckedAgainst,
}

impl Stated {
    /// Reads what stands there. Nothing for what is no entry point: it states nothing of this kind.
    ///
    /// # Errors
    /// `tree_modified` where a file is not what `RECORD` states, or `RECORD` is not what was judged; `forbidden_entry` for
    /// more than is held in memory; I/O reasons.
    pub(crate) fn read(plugin: &Discovered) -> Result<Option<Self>> {
        let Origin::EntryPoint { site_packages, .. } = &plugin.origin else { return Ok(None) };
        let record = require_unchanged(plugin)?;
        let sources = modules(plugin, site_packages, &record)?;
        let module = plugin.entry_point.split_once(':').map_or(plugin.entry_point.as_str(), |(module, _)| module);
        let place = module.replace('.', "/");
        let is_held =
            [format!("{place}.py"), format!("{place}/__init__.py")].iter().any(|file| sources.contains_key(file));
        let checked_against = if is_held { CheckedAgainst::Record } else { CheckedAgainst::Nothing };
        Ok(Some(Self { sources, checked_against }))
    }
}

/// `RECORD`, of the distribution that was judged.
fn require_unchanged(plugin: &Discovered) -> Result<String> {
    let read = |name: &str| {
        let path = plugin.place.join(name);
        match read_small(&path, MAX_FILE_BYTES, Links::Refused) {
            Ok(file) => Ok(Some(file.content)),
            Err(error) if error.is_absent() => Ok(None),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &path, error)),
            Err(error) => Err(modified(plugin, &path).caused_by(error)),
        }
    };
    let (metadata, record) = (read("METADATA")?, read("RECORD")?);
    let found = distribution_hash(metadata.as_deref(), record.as_deref())
        .map_err(|error| modified(plugin, &plugin.place).caused_by(error.to_string()))?;
    if found != plugin.hash {
        return Err(modified(plugin, &plugin.place).expected(plugin.hash.clone(), found));
    }
    // It was hashed as UTF-8.
    Ok(String::from_utf8(record.unwrap_or_default()).unwrap_or_default())
}

/// Every module that `RECORD` states with its hash, by its path below the site-packages directory.
fn modules(plugin: &Discovered, site_packages: &Path, record: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let (mut sources, mut left) = (BTreeMap::new(), MAX_MODULES_BYTES);
    for (name, stated) in record.lines().filter_map(stated) {
        let path = site_packages.join(&name);
        let content = match read_small(&path, left, Links::Refused) {
            Ok(file) => file.content,
            Err(SmallFileError::Io(error)) => return Err(Fault::io("read", &path, error)),
            Err(SmallFileError::NotAFile) => return Err(modified(plugin, &path)),
            Err(SmallFileError::TooLarge { .. }) => {
                let path = escaped(path.as_os_str());
                let what = format!("with `{path}` there are more than {MAX_MODULES_BYTES} bytes of modules");
                return Err(Fault::new(Reason::ForbiddenEntry, what));
            }
        };
        let found = FileDigest::of(&content);
        if found.as_bytes()[..] != stated[..] {
            // In the digits of `sha256sum`: what `RECORD` writes looks like a secret, and is shown to nobody.
            return Err(modified(plugin, &path).expected(hex(&stated), found.hex().to_string()));
        }
        left = left.saturating_sub(content.len() as u64);
        sources.insert(name, content);
    }
    Ok(sources)
}

/// The path and the SHA-256 of a line about a module; nothing of another line, and of one without such a hash.
fn stated(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, rest) = field(line)?;
    let (hash, _) = rest.split_once(',')?;
    let is_below = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
    let is_module = name.ends_with(".py") && is_below && !name.contains("//") && !name.starts_with("./");
    let hash = URL_SAFE_NO_PAD.decode(hash.strip_prefix("sha256=")?).ok();
    // What is written as one and is none is a hash that no file has.
    is_module.then(|| (name, hash.unwrap_or_default()))
}

/// The first field of a line of comma-separated values, and what is behind it.
fn field(line: &str) -> Option<(String, &str)> {
    let Some(mut rest) = line.strip_prefix('"') else {
        return line.split_once(',').map(|(name, rest)| (name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return behind.strip_prefix(',').map(|rest| (name, rest)),
        }
    }
}

fn modified(plugin: &Discovered, path: &Path) -> Fault {
    let path = escaped(path.as_os_str());
    Fault::new(Reason::TreeModified, format!("`{path}` of `{}` is not what its distribution states", plugin.package))
        .hint("install the distribution again, then have it judged again: `aisoc plugins list`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_states_a_module_with_its_hash_or_nothing() {
        let hash = URL_SAFE_NO_PAD.encode(FileDigest::of(b"x").as_bytes());
        let bytes = FileDigest::of(b"x").as_bytes().to_vec();
        for (line, name) in [
            (format!("lab.py,sha256={hash},1"), "lab.py"),
            (format!("lab/heat.py,sha256={hash},"), "lab/heat.py"),
            (format!("\"a,\"\"b\"\".py\",sha256={hash},1"), "a,\"b\".py"),
        ] {
            assert_eq!(stated(&line), Some((name.to_owned(), bytes.clone())), "{line}");
        }
        assert_eq!(stated("lab.py,sha256=abc!,10"), Some(("lab.py".to_owned(), Vec::new())), "no file has that");
        for line in [
            "".to_owned(),
            "lab.py".to_owned(),
            "lab.py,,".to_owned(),
            format!("lab.py,md5={hash},1"),
            format!("lab.so,sha256={hash},1"),
            format!("../bin/lab.py,sha256={hash},1"),
            format!("/etc/lab.py,sha256={hash},1"),
            format!("./lab.py,sha256={hash},1"),
            format!("a//lab.py,sha256={hash},1"),
            format!("\"lab.py,sha256={hash},1"),
        ] {
            assert_eq!(stated(&line), None, "{line}");
        }
    }
}
