//! `aisoc registry serve`, and what it does not serve.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use support::Bench;

const SERVE: [&str; 6] = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"];

#[test]
fn a_store_that_others_can_change_is_not_served() {
    let bench = Bench::new();
    fs::create_dir(bench.path("registry")).expect("made");
    fs::set_permissions(bench.path("registry"), fs::Permissions::from_mode(0o777)).expect("set");
    let run = bench.run(&SERVE);
    assert!(run.refused(1, "directory_insecure").stderr.contains("chmod o-w registry"), "{run:?}");
    fs::set_permissions(bench.path("registry"), fs::Permissions::from_mode(0o755)).expect("set");
    if chown(bench.path("registry"), Some(12_345), None).is_ok() {
        bench.run(&SERVE).refused(1, "directory_insecure");
    }
    fs::rename(bench.path("registry"), bench.path("elsewhere")).expect("moved");
    symlink("elsewhere", bench.path("registry")).expect("linked");
    bench.run(&SERVE).refused(1, "directory_insecure");
    assert_eq!(fs::read_dir(bench.path("elsewhere")).expect("listed").count(), 0);
    fs::remove_file(bench.path("registry")).expect("removed");
    assert!(bench.registry().address.starts_with("127.0.0.1:"), "one that is made is served");
}
