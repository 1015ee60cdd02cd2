//! Evidence is not copied.
use aisoc_signing::SignedStatement;

fn shortcut(statement: &SignedStatement) -> SignedStatement {
    statement.clone()
}

fn main() {}
