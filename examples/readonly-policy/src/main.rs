//! aisoc that looks at installed plugins and at keys, and changes nothing: for the people on call, and for agents.

use std::process::ExitCode;

use aisoc_platform::{Builder, BuiltPlugin, Risk, Rule, register};

fn main() -> ExitCode {
    register(Box::new(readonly()));
    aisoc_cli::execute()
}

/// Two groups of commands, and of these the ones that only read.
fn readonly() -> BuiltPlugin {
    let rule = Rule {
        name: "readonly".to_owned(),
        description: "look at plugins and keys, change nothing".to_owned(),
        allow: vec!["plugins/**".to_owned(), "keys/**".to_owned()],
        max_risk: Some(Risk::Read),
        ..Rule::default()
    };
    Builder::new("readonly", env!("CARGO_PKG_VERSION")).restrict(rule).must_build()
}
