//! The services by which is signed without a key, for trying it by hand: writes their trusted root into the file that is
//! named, prints the environment of a job, and stays until its standard input ends.
//!
//! ```sh
//! cargo run -p aisoc-testkit --example signing_services root.json
//! ```

use std::io::{Read as _, Write as _};

use aisoc_testkit::signing_services::{REQUEST_TOKEN, Role, SigningServices};

fn main() {
    let root = std::env::args().nth(1).expect("the file of the trusted root");
    let services = SigningServices::start();
    std::fs::write(&root, services.trusted_root().to_string()).expect("written");
    let mut job = format!("export ACTIONS_ID_TOKEN_REQUEST_URL='{}'\n", services.token_request_url());
    job += &format!("export ACTIONS_ID_TOKEN_REQUEST_TOKEN='{REQUEST_TOKEN}'\nexport PLUGIN_SIGSTORE_ROOT='{root}'\n");
    for (name, role) in [("FULCIO", Role::Fulcio), ("REKOR", Role::Rekor), ("CLOCK", Role::Clock)] {
        job += &format!("export {name}='{}'\n", services.url(role));
    }
    std::io::stdout().write_all(job.as_bytes()).expect("printed");
    let mut waiting = Vec::new();
    std::io::stdin().read_to_end(&mut waiting).expect("an end");
}
