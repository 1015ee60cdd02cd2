//! Drift: where what is installed is not what plugins.lock accepts. Pure: a lock, and what is here.

use std::collections::HashMap;
use std::fmt;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::python_repr;

use crate::lockfile::{LockEntry, Lockfile};

/// One plugin that is here, as far as a lock knows plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its id.
    pub id: String,
    /// What its entry point is called, of a plugin that calls itself something else, or may. A lock may know it by that
    /// name, when it was accepted by somebody who ran nothing of it.
    pub entry_point_name: Option<String>,
    /// Whether the id is that name still: what the plugin calls itself is known to whoever runs it, and nothing is run
    /// before it was accepted. Such a plugin is found in the lock by its package as well.
    pub is_provisional: bool,
    /// What it came in.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What is loaded of it.
    pub entry_point: String,
    /// Its content.
    pub hash: String,
}

/// In what a plugin differs from its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriftKind {
    /// The lock accepts it, and it is not here.
    MissingFromInstall,
    /// It is here, and the lock does not accept it.
    MissingFromLock,
    /// Another version was accepted.
    VersionMismatch,
    /// Another content was accepted.
    HashMismatch,
    /// Something else of it was accepted.
    EntryPointMismatch,
}

impl DriftKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::MissingFromInstall,
        Self::MissingFromLock,
        Self::VersionMismatch,
        Self::HashMismatch,
        Self::EntryPointMismatch,
    ];

    /// The kind's own word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingFromInstall => "missing_from_install",
            Self::MissingFromLock => "missing_from_lock",
            Self::VersionMismatch => "version_mismatch",
            Self::HashMismatch => "hash_mismatch",
            Self::EntryPointMismatch => "entry_point_mismatch",
        }
    }

    /// The word in a printed line.
    pub const fn label(self) -> &'static str {
        match self {
            Self::VersionMismatch => "version",
            Self::HashMismatch => "hash",
            Self::EntryPointMismatch => "entry_point",
            Self::MissingFromInstall | Self::MissingFromLock => self.as_str(),
        }
    }

    /// Whether it keeps a plugin from being loaded in production. What is not here is loaded by nobody.
    pub const fn blocks(self) -> bool {
        !matches!(self, Self::MissingFromInstall)
    }

    /// Why something is refused for it.
    pub const fn reason(self) -> Reason {
        match self {
            Self::MissingFromInstall => Reason::MissingFromInstall,
            Self::MissingFromLock => Reason::MissingFromLock,
            Self::VersionMismatch => Reason::VersionMismatch,
            Self::HashMismatch => Reason::HashMismatch,
            Self::EntryPointMismatch => Reason::EntryPointMismatch,
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The plugin: as the lock calls it, where it is listed.
    pub id: String,
    /// In what.
    pub kind: DriftKind,
    /// What the lock says.
    pub expected: Option<String>,
    /// What is here.
    pub actual: Option<String>,
    /// Which of the plugins that are here it is about.
    pub present: Option<usize>,
}

impl Drift {
    /// The kind and the two values, as they are printed behind the id.
    pub fn difference(&self) -> String {
        let [expected, actual] =
            [&self.expected, &self.actual].map(|value| value.as_deref().map_or_else(|| "None".to_owned(), python_repr));
        format!("{} (expected={expected}, actual={actual})", self.kind.label())
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.difference())
    }
}

/// What differs from the lock: of several differences the first, and all of them in words. There is at least one.
pub(crate) fn drifted(drifts: &[Drift]) -> Fault {
    let reason = drifts.first().map_or(Reason::Internal, |drift| drift.kind.reason());
    let kinds: Vec<String> = drifts.iter().map(Drift::difference).collect();
    let fault = Fault::new(reason, format!("plugins.lock drift; trust check failed: {}", kinds.join("; ")));
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    match drifts.first() {
        Some(first) => {
            let named = reason.remedy().replace(" ID ", &format!(" {} ", shell_word(&first.id)));
            fault.expected(shown(&first.expected), shown(&first.actual)).hint(named)
        }
        None => fault,
    }
}

/// What a lock says of what is here.
#[derive(Debug)]
pub struct Comparison {
    /// Every difference: in the order of the lock, for each entry version, hash and entry point; then what it does not
    /// list, in the order in which it was found.
    pub drifts: Vec<Drift>,
    /// The entry of each plugin that is here, by its place in the lock.
    pub entries: Vec<Option<usize>>,
}

impl Comparison {
    /// What keeps a plugin that is here from being loaded in production.
    pub fn blocking(&self, present: usize) -> impl Iterator<Item = &Drift> {
        self.drifts.iter().filter(move |drift| drift.present == Some(present) && drift.kind.blocks())
    }
}

/// Compares a lock with what is here.
pub fn compare(lock: &Lockfile, present: &[Present]) -> Comparison {
    let entries = matched(lock.entries(), present);
    let mut found = vec![None; lock.entries().len()];
    for (index, entry) in entries.iter().enumerate() {
        if let Some(entry) = entry {
            found[*entry] = Some(index);
        }
    }
    let mut drifts = Vec::new();
    for (entry, index) in lock.entries().iter().zip(found) {
        match index {
            Some(index) => drifts.extend(differences(entry, &present[index], index)),
            None => drifts.push(Drift {
                id: entry.id.clone(),
                kind: DriftKind::MissingFromInstall,
                expected: Some(format!("{}=={}", entry.package, entry.version)),
                actual: None,
                present: None,
            }),
        }
    }
    let unlisted = present.iter().enumerate().filter(|(index, _)| entries[*index].is_none());
    drifts.extend(unlisted.map(|(index, plugin)| missing(plugin, index)));
    Comparison { drifts, entries }
}

/// Of one plugin its place in the lock and what differs, as [`compare`] has it; of the others nothing.
pub(crate) fn compare_one(lock: &Lockfile, plugin: &Present) -> (Option<usize>, Vec<Drift>) {
    let entry = matched(lock.entries(), std::slice::from_ref(plugin))[0];
    match entry {
        Some(at) => (entry, differences(&lock.entries()[at], plugin, 0).collect()),
        None => (None, vec![missing(plugin, 0)]),
    }
}

fn missing(plugin: &Present, index: usize) -> Drift {
    Drift {
        id: plugin.id.clone(),
        kind: DriftKind::MissingFromLock,
        expected: None,
        actual: Some(format!("{}=={}", plugin.package, plugin.version)),
        present: Some(index),
    }
}

fn differences(entry: &LockEntry, plugin: &Present, index: usize) -> impl Iterator<Item = Drift> {
    let compared = [
        (DriftKind::VersionMismatch, &entry.version, &plugin.version),
        (DriftKind::HashMismatch, &entry.distribution_hash, &plugin.hash),
        (DriftKind::EntryPointMismatch, &entry.entry_point, &plugin.entry_point),
    ];
    let drifts = compared.into_iter().filter(|(_, expected, actual)| expected != actual);
    drifts.map(move |(kind, expected, actual)| Drift {
        id: entry.id.clone(),
        kind,
        expected: Some(expected.clone()),
        actual: Some(actual.clone()),
        present: Some(index),
    })
}

/// Which entry is about which plugin. Its id says so, or the name of its entry point in its package. Where the id is
/// only that name, the package and what is loaded of it do, and where that has changed as well, being the only one of
/// its package that is left: a pair that is wrong is a difference all the same, never an acceptance.
fn matched(entries: &[LockEntry], present: &[Present]) -> Vec<Option<usize>> {
    let by_id: HashMap<&str, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.id.as_str(), at)).collect();
    let mut matched = vec![None; present.len()];
    let mut is_taken = vec![false; entries.len()];
    // Of two that claim one id, the one of the package that was accepted comes first.
    for is_of_package in [true, false] {
        for (index, plugin) in present.iter().enumerate() {
            let called = by_id.get(plugin.id.as_str()).copied();
            let called = called.filter(|at| matched[index].is_none() && !is_taken[*at]);
            if let Some(at) = called.filter(|at| !is_of_package || entries[*at].package == plugin.package) {
                (matched[index], is_taken[at]) = (Some(at), true);
            }
        }
    }
    for (index, plugin) in present.iter().enumerate() {
        let named = plugin.entry_point_name.as_deref().and_then(|name| by_id.get(name).copied());
        let named = named.filter(|at| !is_taken[*at] && entries[*at].package == plugin.package);
        if let (Some(at), None) = (named, matched[index]) {
            (matched[index], is_taken[at]) = (Some(at), true);
        }
    }
    for pairing in [Pairing::PackageAndEntryPoint, Pairing::Package] {
        for (index, at) in pairing.pairs(entries, &is_taken, present, &matched) {
            (matched[index], is_taken[at]) = (Some(at), true);
        }
    }
    matched
}

/// By what a plugin is found whose id is provisional.
#[derive(Clone, Copy)]
enum Pairing {
    PackageAndEntryPoint,
    Package,
}

impl Pairing {
    fn key<'a>(self, package: &'a str, entry_point: &'a str) -> (&'a str, Option<&'a str>) {
        (package, matches!(self, Self::PackageAndEntryPoint).then_some(entry_point))
    }

    /// The plugins and the entries that are left, where one of each has a key.
    fn pairs(
        self,
        entries: &[LockEntry],
        is_taken: &[bool],
        present: &[Present],
        matched: &[Option<usize>],
    ) -> Vec<(usize, usize)> {
        let mut left: HashMap<_, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (at, entry) in entries.iter().enumerate().filter(|(at, _)| !is_taken[*at]) {
            left.entry(self.key(&entry.package, &entry.entry_point)).or_default().1.push(at);
        }
        for (index, plugin) in present.iter().enumerate().filter(|(index, _)| matched[*index].is_none()) {
            if plugin.is_provisional {
                left.entry(self.key(&plugin.package, &plugin.entry_point)).or_default().0.push(index);
            }
        }
        let alone = left.into_values().filter(|(plugins, entries)| plugins.len() == 1 && entries.len() == 1);
        alone.map(|(plugins, entries)| (plugins[0], entries[0])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn plugin(id: &str, package: &str, version: &str, entry_point: &str, hash: &str) -> Present {
        let [id, package, version, entry_point, hash] = [id, package, version, entry_point, hash].map(str::to_owned);
        Present { id, entry_point_name: None, is_provisional: false, package, version, entry_point, hash }
    }

    fn lock(entries: &[[&str; 5]]) -> Lockfile {
        let text: String = entries
            .iter()
            .map(|[id, package, version, entry_point, hash]| {
                format!(
                    "[[plugins]]\nid = \"{id}\"\npackage = \"{package}\"\nversion = \"{version}\"\n\
                     entry_point = \"{entry_point}\"\ndistribution_hash = \"{hash}\"\n"
                )
            })
            .collect();
        Lockfile::parse(text.into_bytes(), Path::new("plugins.lock")).expect("a lock")
    }

    fn lines(comparison: &Comparison) -> Vec<String> {
        comparison.drifts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_kinds_stand_in_the_order_of_the_lock_and_what_it_does_not_list_behind() {
        let lock = lock(&[
            ["z", "pz", "0.3.0", "z:Z", "sha256:1"],
            ["gone", "pg", "1.0", "g:G", "sha256:2"],
            ["all", "pa", "1", "a:A", "sha256:3"],
            ["same", "ps", "1", "s:S", "sha256:4"],
        ]);
        let present = [
            plugin("new", "pn", "2.0", "n:N", "sha256:9"),
            plugin("same", "another package, which is not compared", "1", "s:S", "sha256:4"),
            plugin("all", "pa", "2", "a:B", "sha256:8"),
            plugin("z", "pz", "0.3.1", "z:Z", "sha256:1"),
        ];
        let comparison = compare(&lock, &present);
        assert_eq!(
            lines(&comparison),
            [
                "z: version (expected='0.3.0', actual='0.3.1')",
                "gone: missing_from_install (expected='pg==1.0', actual=None)",
                "all: version (expected='1', actual='2')",
                "all: hash (expected='sha256:3', actual='sha256:8')",
                "all: entry_point (expected='a:A', actual='a:B')",
                "new: missing_from_lock (expected=None, actual='pn==2.0')",
            ]
        );
        assert_eq!(comparison.entries, [None, Some(3), Some(2), Some(0)]);
        let blocked: Vec<usize> = (0..4).map(|index| comparison.blocking(index).count()).collect();
        assert_eq!(blocked, [1, 0, 3, 1], "what is not here blocks nobody");
    }

    #[test]
    fn every_kind_has_the_reason_of_its_word_and_one_of_them_blocks_nothing() {
        for kind in DriftKind::ALL {
            assert_eq!(kind.reason().as_str(), kind.as_str());
            assert_eq!(kind.blocks(), kind != DriftKind::MissingFromInstall);
            assert!(kind.as_str().starts_with(kind.label()), "{kind:?}");
        }
    }

    #[test]
    fn what_is_known_by_its_entry_point_is_found_by_its_package() {
        let lock = lock(&[
            ["capa.one", "pack", "1", "pack.m:One", "sha256:1"],
            ["capa.two", "pack", "1", "pack.m:Two", "sha256:1"],
            ["capa.three", "other", "1", "other:Three", "sha256:3"],
        ]);
        let provisional = |id, package, entry_point, hash| Present {
            is_provisional: true,
            ..plugin(id, package, "1", entry_point, hash)
        };
        let as_locked = [
            provisional("two", "pack", "pack.m:Two", "sha256:1"),
            provisional("one", "pack", "pack.m:One", "sha256:1"),
            provisional("three", "other", "other:Moved", "sha256:3"),
        ];
        let comparison = compare(&lock, &as_locked);
        assert_eq!(comparison.entries, [Some(1), Some(0), Some(2)]);
        assert_eq!(lines(&comparison), ["capa.three: entry_point (expected='other:Three', actual='other:Moved')"]);

        // Both of one package moved: nobody can tell which is which, and neither is accepted.
        let moved = [
            provisional("one", "pack", "pack.n:One", "sha256:1"),
            provisional("two", "pack", "pack.n:Two", "sha256:1"),
        ];
        let comparison = compare(&lock, &moved);
        assert_eq!(comparison.entries, [None, None]);
        assert!((0..2).all(|index| comparison.blocking(index).count() == 1));

        // Whose id is its own is not found by anything else.
        let named = [plugin("three", "other", "1", "other:Three", "sha256:3")];
        assert_eq!(compare(&lock, &named).entries, [None]);
        // Two that claim one entry are two, and the lock accepts neither by its package.
        let two = [
            provisional("a", "other", "other:Three", "sha256:3"),
            provisional("b", "other", "other:Three", "sha256:3"),
        ];
        assert_eq!(compare(&lock, &two).entries, [None, None]);
    }

    #[test]
    fn what_was_accepted_by_the_name_of_its_entry_point_stays_that() {
        let lock = lock(&[["one", "pack", "1", "pack.m:One", "sha256:1"]]);
        let called = |package: &str| Present {
            entry_point_name: Some("one".to_owned()),
            ..plugin("capa.one", package, "1", "pack.m:One", "sha256:1")
        };
        let comparison = compare(&lock, &[called("pack")]);
        assert_eq!((comparison.entries, comparison.drifts), (vec![Some(0)], vec![]));
        assert_eq!(
            compare(&lock, &[called("another")]).entries,
            [None],
            "another one with an entry point of that name"
        );
    }

    #[test]
    fn one_id_is_accepted_once() {
        let lock = lock(&[["a", "p", "1", "a:A", "sha256:1"]]);
        let twice = [plugin("a", "p", "1", "a:A", "sha256:1"), plugin("a", "p", "1", "a:A", "sha256:1")];
        assert_eq!(compare(&lock, &twice).entries, [Some(0), None]);
        // Whoever takes the id of another does not take what was accepted of it.
        let taken = [plugin("a", "q", "1", "a:A", "sha256:1"), plugin("a", "p", "1", "a:A", "sha256:1")];
        assert_eq!(compare(&lock, &taken).entries, [None, Some(0)]);
        assert_eq!(compare(&lock, &taken[..1]).entries, [Some(0)], "nobody else has it");
    }

    #[test]
    fn as_many_as_a_lock_holds_are_compared_at_once() {
        let names: Vec<String> = (0..10_000).map(|number| format!("id-{number}")).collect();
        let entries: Vec<[&str; 5]> = names.iter().map(|id| [id, "pack", "1", "m:C", "sha256:1"]).collect();
        let lock = lock(&entries);
        let mut present: Vec<Present> =
            names.iter().rev().map(|id| plugin(id, "pack", "1", "m:C", "sha256:1")).collect();
        let comparison = compare(&lock, &present);
        assert!(comparison.drifts.is_empty() && comparison.entries.iter().all(Option::is_some));
        assert_eq!(comparison.entries[0], Some(9_999), "each has its own");
        // None of them is known by its id, and all are of one package: nobody can tell which is which.
        for plugin in &mut present {
            (plugin.id, plugin.is_provisional) = (format!("other-{}", plugin.id), true);
        }
        let comparison = compare(&lock, &present);
        assert_eq!(comparison.drifts.len(), 20_000);
        assert!(comparison.entries.iter().all(Option::is_none));
    }

    #[test]
    fn values_are_printed_as_python_prints_them() {
        let lock = lock(&[["a", "p", "it's", "a:A", "sha256:1"]]);
        let present = [plugin("a", "p", "1\n\u{1b}[0m", "a:A", "sha256:1")];
        assert_eq!(lines(&compare(&lock, &present)), [r#"a: version (expected="it's", actual='1\n\x1b[0m')"#]);
    }
}
