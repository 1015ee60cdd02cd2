//! What was signed leaves files out, so it never stands for the tree that is let in.
use aisoc_signing::{Claim, ClaimedTree, Statement};

fn swapped(statement: &Statement, tree: ClaimedTree) -> Claim {
    Claim::new(ClaimedTree { subject: statement.digest(), ..tree })
}

fn main() {}
