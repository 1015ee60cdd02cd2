//! The bypass cannot be called from outside the gate's crate.
use aisoc_manifests::digest::Digest;

fn shortcut(digest: Digest) {
    let _ = aisoc_trust::danger::let_in_unread(digest);
}

fn main() {}
