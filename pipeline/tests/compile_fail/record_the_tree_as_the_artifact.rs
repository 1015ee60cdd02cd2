//! A record holds three digests side by side, and each has its place.
use aisoc_installation::InstallRecord;
use aisoc_trust::Admitted;

fn swapped(admitted: &Admitted, record: InstallRecord) -> InstallRecord {
    InstallRecord {
        digest: admitted.subject(),
        tree_digest: record.digest,
        canonical_digest: Some(record.tree_digest),
        ..record
    }
}

fn main() {}
