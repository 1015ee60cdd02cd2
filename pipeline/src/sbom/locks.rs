//! Lock files: `poetry.lock`, `uv.lock`, `pdm.lock` and `pylock.toml` (PEP 751), each as far as it names distributions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Value;

use super::distribution::{Distribution, Hash, Name};
use super::list::List;

/// Which tool's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// `poetry.lock` and `pdm.lock`: a package has its files, with their hashes, and in old ones all files are in one table.
    Files,
    /// `uv.lock`: a package has a source archive and wheels, and the plugin itself is one of the packages.
    Uv,
    /// `pylock.toml`, and `pylock.NAME.toml`.
    Standard,
}

/// A package in any of the locks.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    #[serde(default)]
    files: Vec<Archive>,
    #[serde(default)]
    wheels: Vec<Archive>,
    sdist: Option<Archive>,
    archive: Option<Archive>,
    #[serde(default)]
    source: BTreeMap<String, Value>,
}

/// One archive of it.
#[derive(Debug, Deserialize)]
struct Archive {
    hash: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct OfTools {
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default)]
    metadata: Metadata,
}

/// Where poetry had the files before its version 1.3.
#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    files: BTreeMap<String, Vec<Archive>>,
}

#[derive(Debug, Deserialize)]
struct Standard {
    #[serde(rename = "lock-version")]
    _lock_version: String,
    #[serde(default)]
    packages: Vec<Package>,
}

impl Lock {
    /// Which lock has that file name; nothing of another file.
    pub(super) fn of(file_name: &str) -> Option<Self> {
        let is_named = || file_name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
        match file_name {
            "poetry.lock" | "pdm.lock" => Some(Self::Files),
            "uv.lock" => Some(Self::Uv),
            "pylock.toml" => Some(Self::Standard),
            _ => is_named().filter(|name| !name.is_empty() && !name.contains('.')).map(|_| Self::Standard),
        }
    }

    /// Reads a lock. One that is none is not understood at all.
    pub(super) fn read(self, text: &str) -> List {
        let packages = match self {
            Self::Standard => toml::from_str::<Standard>(text).map(|lock| (lock.packages, BTreeMap::new())),
            Self::Files | Self::Uv => toml::from_str::<OfTools>(text).map(|lock| (lock.package, lock.metadata.files)),
        };
        let (packages, mut old_files) = match packages {
            Ok(read) => read,
            Err(error) => {
                return List::not_toml(&error, text);
            }
        };
        let mut list = List::default();
        for mut package in packages {
            package.files.extend(old_files.remove(&package.name).unwrap_or_default());
            if self == Self::Uv && package.is_root() {
                continue;
            }
            match package.distribution() {
                Ok(distribution) => list.distributions.push(distribution),
                Err(why) => list.unread.push(why),
            }
        }
        list
    }
}

impl Package {
    /// Whether it is what the lock was made for, which is the plugin.
    fn is_root(&self) -> bool {
        ["virtual", "editable"].iter().any(|kind| self.source.get(*kind).and_then(Value::as_str) == Some("."))
    }

    fn distribution(self) -> Result<Distribution, String> {
        let name = Name::of(&self.name).ok_or("has a package without a name")?;
        let archives = self.files.into_iter().chain(self.wheels).chain(self.sdist).chain(self.archive);
        let hashes: BTreeSet<Hash> = archives.flat_map(Archive::stated).filter_map(|text| Hash::of(&text)).collect();
        Ok(Distribution { name, version: self.version, requirement: None, hashes, is_direct: false })
    }
}

impl Archive {
    fn stated(self) -> impl Iterator<Item = String> {
        let of_table = self.hashes.into_iter().map(|(algorithm, digits)| format!("{algorithm}:{digits}"));
        self.hash.into_iter().chain(of_table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &List) -> Vec<(&str, Option<&str>, usize)> {
        list.distributions.iter().map(|one| (one.name.as_str(), one.version.as_deref(), one.hashes.len())).collect()
    }

    #[test]
    fn each_lock_is_known_by_its_name() {
        for (name, lock) in [
            ("poetry.lock", Some(Lock::Files)),
            ("pdm.lock", Some(Lock::Files)),
            ("uv.lock", Some(Lock::Uv)),
            ("pylock.toml", Some(Lock::Standard)),
            ("pylock.dev.toml", Some(Lock::Standard)),
            ("pylock.a.b.toml", None),
            ("pylock..toml", None),
            ("Cargo.lock", None),
        ] {
            assert_eq!(Lock::of(name), lock, "{name}");
        }
    }

    #[test]
    fn the_lock_of_poetry_names_packages_with_the_hashes_of_their_files() {
        let (one, other) = ("1".repeat(64), "2".repeat(64));
        let new = format!(
            "[[package]]\nname = \"Idna\"\nversion = \"3.10\"\noptional = false\nfiles = [\n  {{file = \"a.whl\", hash = \
             \"sha256:{one}\"}},\n  {{file = \"a.tar.gz\", hash = \"sha256:{other}\"}},\n]\n\n[metadata]\nlock-version = \"2.1\"\n"
        );
        let old = format!(
            "[[package]]\nname = \"idna\"\nversion = \"3.10\"\n[metadata]\nlock-version = \"1.1\"\n[metadata.files]\nidna = [\n  \
             {{file = \"a.whl\", hash = \"sha256:{one}\"}},\n]\n"
        );
        assert_eq!(named(&Lock::Files.read(&new)), [("idna", Some("3.10"), 2)]);
        assert_eq!(named(&Lock::Files.read(&old)), [("idna", Some("3.10"), 1)]);
    }

    #[test]
    fn the_lock_of_uv_has_the_plugin_among_its_packages_which_is_no_dependency() {
        let text = format!(
            "version = 1\n[[package]]\nname = \"plugin\"\nversion = \"0.1.0\"\nsource = {{ virtual = \".\" }}\n[[package]]\nname = \
             \"idna\"\nversion = \"3.10\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\nsdist = {{ url = \
             \"https://files.example/i.tar.gz\", hash = \"sha256:{}\", size = 1 }}\nwheels = [{{ url = \"https://files.example/i.whl\", \
             hash = \"sha256:{}\" }}]\n[[package]]\nname = \"local\"\nsource = {{ editable = \"libs/local\" }}\n",
            "1".repeat(64),
            "2".repeat(64)
        );
        assert_eq!(named(&Lock::Uv.read(&text)), [("idna", Some("3.10"), 2), ("local", None, 0)]);
    }

    #[test]
    fn the_standard_lock_has_tables_of_hashes() {
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"pip\"\n[[packages]]\nname = \"idna\"\nversion = \"3.10\"\n[packages.sdist]\nhashes = \
             {{ sha256 = \"{}\" }}\n[[packages.wheels]]\nname = \"a.whl\"\nhashes = {{ sha512 = \"{}\", md5 = \"00\" }}\n",
            "1".repeat(64),
            "2".repeat(128)
        );
        assert_eq!(named(&Lock::Standard.read(&text)), [("idna", Some("3.10"), 2)]);
    }

    #[test]
    fn a_lock_that_is_none_is_not_understood_and_says_so() {
        for (lock, text) in [
            (Lock::Files, "[[package]]\nname ="),
            (Lock::Files, "[[package]]\nversion = \"1\""),
            (Lock::Uv, "package = 1"),
            (Lock::Standard, "[[packages]]\nname = \"idna\""),
            (Lock::Standard, "\u{0}"),
        ] {
            let list = lock.read(text);
            assert_eq!((list.distributions.len(), list.unread.len()), (0, 1), "{text}");
        }
        let list = Lock::Files.read("\n\npackage = \"https://me:hunter2@host\"\n");
        assert_eq!(list.unread, ["is not what its name says, from line 3"], "nothing of the file is repeated");
        let list = Lock::Files.read("[[package]]\nname = \"./x\"\n[[package]]\nname = \"idna\"\n");
        assert_eq!(named(&list), [("idna", None, 0)]);
        assert_eq!(list.unread, ["has a package without a name"]);
    }

    #[test]
    fn what_is_nested_without_end_is_not_understood() {
        let list = Lock::Files.read(&format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000)));
        assert_eq!(list.unread.len(), 1);
    }
}
