//! What a manifest states about its tree is compared with the covered files, and with no other digest.
use aisoc_manifests::file_map::FileMap;
use aisoc_signing::{Statement, TreeDifference};

fn with_the_whole_tree(stated: &TreeDifference, files: &FileMap) -> bool {
    stated.stated == files.tree_digest()
}

fn with_what_was_signed(stated: &TreeDifference, statement: &Statement) -> bool {
    stated.stated == statement.digest()
}

fn main() {}
