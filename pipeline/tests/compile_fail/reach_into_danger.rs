//! The bypass cannot be called from outside the gate's crate.
use aisoc_manifests::digest::TreeDigest;

fn shortcut(digest: TreeDigest) {
    let _ = aisoc_trust::danger::let_in_unread(digest);
}

fn main() {}
