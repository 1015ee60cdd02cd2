//! Registries that mean harm, against `aisoc plugin install` and `aisoc plugin push` as an operator and an author run
//! them. Each test is one way to attack, by name; each says how it is refused, how much was read, how often was
//! connected, and that nothing was written. That no login goes astray is held in every one.
//!
//! | file | attacks with |
//! |---|---|
//! | `behaves` | nothing: what the others would see if their attack did nothing |
//! | `documents` | what a manifest says |
//! | `bodies` | how bodies begin, go on and end |
//! | `encodings` | what is said of a body before it comes |
//! | `framing` | bytes that are no HTTP, and TLS that proves nothing |
//! | `redirects` | where it leads |
//! | `challenges` | how it asks for a login |
//! | `tokens` | what its token service gives |
//! | `refusals` | a no that does not end |
//! | `uploads` | what becomes of what is sent |

#[path = "../support/mod.rs"]
mod support;

mod behaves;
mod bodies;
mod challenges;
mod documents;
mod encodings;
mod framing;
mod redirects;
mod refusals;
mod tokens;
mod uploads;

use std::fs;
use std::sync::LazyLock;
use std::thread;

use aisoc_manifests::digest::Digest;
use aisoc_testkit::hostile_registry::{Attacked, Content, Ended, HostileRegistry, PASSWORD, USER};
use aisoc_testkit::tls;
use support::{Bench, Run};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// More than a client reads of a login and of the artifact when nothing is wrong.
const USUAL: u64 = 16 << 10;
/// What may be on its way to a client that has hung up.
const UNDERWAY: u64 = 1 << 20;
/// Connections until there is an answer for who has logged in: asked, logged in, asked again.
const LOGIN: usize = 3;
/// How often a request is made altogether, and how often again, that may be answered otherwise in a moment.
const TRIES: usize = 5;
const MORE: usize = TRIES - 1;

/// A signed plugin, as it is published, and whom to trust.
struct Published {
    content: Content,
    archive: Vec<u8>,
    key: Vec<u8>,
}

static SMALL: LazyLock<Published> = LazyLock::new(|| published(0));
/// Of a layer that is 1 MiB and a little more.
static LARGE: LazyLock<Published> = LazyLock::new(|| published(1 << 20));

/// A plugin beside so many bytes that nothing compresses.
fn published(noise: usize) -> Published {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(noise)
    .collect();
    bench.write("demo/noise.bin", noise);
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"]).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    Published {
        content: Content::of_layout(&bench.path("layout")),
        archive: fs::read(bench.path("demo.tar")).expect("read"),
        key: fs::read(bench.path("release.pem")).expect("read"),
    }
}

/// A registry that holds the plugin as `team/demo:1`, and does no harm yet.
fn registry() -> HostileRegistry {
    holding(|content| content)
}

/// The same, of what was made of what was published.
fn holding(made: impl FnOnce(Content) -> Content) -> HostileRegistry {
    HostileRegistry::holding(made(SMALL.content.clone()))
}

/// The digest of the manifest that was published.
fn digest() -> String {
    Digest::of(SMALL.content.tagged()).to_string()
}

/// The layer that was published.
fn layer() -> &'static [u8] {
    SMALL.content.named("/layers/0")
}

/// What it is to install from one.
struct Install<'a> {
    registry: &'a HostileRegistry,
    published: &'static Published,
    reference: String,
    words: Vec<&'a str>,
}

/// `team/demo:1` of it is to be installed.
fn install(registry: &HostileRegistry) -> Attacked {
    Install::of(registry).run()
}

/// The same by the digest that was published.
fn install_pinned(registry: &HostileRegistry) -> Attacked {
    let reference = format!("{}/team/demo@{}", registry.home(), digest());
    Install { reference, ..Install::of(registry) }.run()
}

/// The same, of those who wait no longer than a second and a half.
fn install_hastily(registry: &HostileRegistry) -> Attacked {
    Install { words: vec!["--timeout", "1500ms"], ..Install::of(registry) }.run()
}

/// The same over TLS, trusting that certificate too.
fn install_over_tls(registry: &HostileRegistry, trusting: &str) -> Attacked {
    let certificate = tls::certificate(trusting).display().to_string();
    let words = vec!["--plain-http=false", "--ca-file", &certificate];
    Install { words, ..Install::of(registry) }.run()
}

impl<'a> Install<'a> {
    fn of(registry: &'a HostileRegistry) -> Self {
        let reference = format!("{}/team/demo:1", registry.home());
        Self { registry, published: &SMALL, reference, words: Vec::new() }
    }

    #[track_caller]
    fn run(&self) -> Attacked {
        let bench = Bench::new();
        bench.write("keys/release.pem", &self.published.key);
        let line = ["plugin", "install", &self.reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
        attack(self.registry, &bench, &[&line, &self.words[..]].concat())
    }
}

/// The plugin is to be pushed to `team/demo:0.1.0` of it.
fn push(registry: &HostileRegistry) -> Attacked {
    push_with(registry, &[])
}

/// The same with those words.
fn push_with(registry: &HostileRegistry, words: &[&str]) -> Attacked {
    let bench = Bench::new();
    bench.write("demo.tar", &SMALL.archive);
    let place = format!("{}/team/demo:0.1.0", registry.home());
    attack(registry, &bench, &[&["plugin", "push", "demo.tar", &place], words].concat())
}

/// Runs into each of them at once: what is tried again takes seconds.
fn each<T: Send>(cases: impl IntoIterator<Item = T>, attack: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            let attack = &attack;
            scope.spawn(move || attack(case));
        }
    });
}

/// A registry that holds nothing yet.
fn empty() -> HostileRegistry {
    HostileRegistry::holding(Content::default())
}

fn attack(registry: &HostileRegistry, bench: &Bench, words: &[&str]) -> Attacked {
    let home = registry.home();
    let login = [
        ("AISOC_REGISTRY_HOST", home.as_str()),
        ("AISOC_REGISTRY_USERNAME", USER),
        ("AISOC_REGISTRY_PASSWORD", PASSWORD),
    ];
    registry.attack(&bench.path(""), || ended(&bench.run_with(words, &login)))
}

/// How a run ended; a refusal is one line, with a hint, and nothing on standard output.
fn ended(run: &Run) -> Ended {
    let reason = match run.code {
        0 => String::new(),
        code => {
            let line = run.error_line();
            let reason = line.trim_start_matches("error[").split(']').next().unwrap_or_default().to_owned();
            run.refused(code, &reason);
            reason
        }
    };
    Ended { code: run.code, reason, shown: format!("{}{}", run.stdout, run.stderr) }
}
