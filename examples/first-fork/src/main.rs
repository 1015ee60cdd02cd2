//! aisoc that says which command was given, and what it came to.

use aisoc_platform::{Builder, Selector, When, register};

fn main() -> std::process::ExitCode {
    let hello = Builder::new("hello", "0.1.0").observer(When::After, "log", Selector::all(), |_, invocation| {
        let err = invocation.err().map_or("none".to_owned(), |error| error.to_string());
        eprintln!("cmd={} err={err}", invocation.cmd().path());
    });
    register(Box::new(hello.must_build()));
    aisoc_cli::execute()
}
