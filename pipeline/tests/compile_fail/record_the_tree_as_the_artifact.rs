//! A record holds three digests side by side, and each has its place.
use aisoc_installation::InstallRecord;
use aisoc_trust::Verdict;

fn swapped(verdict: &Verdict, record: InstallRecord) -> InstallRecord {
    InstallRecord {
        digest: verdict.subject(),
        tree_digest: record.digest,
        canonical_digest: Some(record.tree_digest),
        ..record
    }
}

fn main() {}
