//! How long a policy of 1,000 globs takes over a whole tree of commands that none of them names:
//! `cargo bench -p aisoc-platform`.
#![expect(clippy::print_stdout, reason = "what it is for")]

use std::hint::black_box;
use std::time::Instant;

use aisoc_platform::Glob;

const GLOBS: usize = 1_000;
const PATHS: usize = 100;
const ROUNDS: usize = 201;

fn main() {
    let groups = ["plugin", "plugins", "keys", "config/policy", "registry", "api", "token", "plugins/lock"];
    let words = ["install", "list", "verify", "show", "rotate", "publish", "sign-file", "explain", "uninstall"];
    let path = |at: usize| format!("{}/{}", groups[at % groups.len()], words[at % words.len()]);
    let paths: Vec<String> = (0..PATHS).map(path).collect();
    for pattern in
        ["plugin/install-N", "team-N/**", "**/install-N", "{plugin,keys}-N/*", "*-N-*", "*/{a,b}N?", "*z*/x*"]
    {
        let read = |number: usize| Glob::new(&pattern.replace('N', &number.to_string())).expect("a pattern");
        let globs: Vec<Glob> = (0..GLOBS).map(read).collect();
        let mut times: Vec<_> = (0..ROUNDS).map(|_| round(&globs, &paths)).collect();
        times.sort_unstable();
        println!("{pattern:<20} {GLOBS} globs, {} paths: {:?} (median of {ROUNDS})", paths.len(), times[ROUNDS / 2]);
    }
}

fn round(globs: &[Glob], paths: &[String]) -> std::time::Duration {
    let begun = Instant::now();
    let named = paths.iter().filter(|path| Glob::naming(black_box(globs), path).next().is_some()).count();
    assert_eq!(named, 0, "all of them have to be asked");
    begun.elapsed()
}
