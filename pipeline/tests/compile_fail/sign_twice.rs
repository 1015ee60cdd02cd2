//! What is signed is a statement, once; a signed statement is not one.
use aisoc_signing::{SigningKey, Statement, sign};

fn shortcut(statement: Statement, key: &SigningKey) {
    let signed = sign(statement, key).expect("signed");
    let _ = sign(signed, key);
}

fn main() {}
