//! The aisoc command.

fn main() {}
